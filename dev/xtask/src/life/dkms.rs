// SPDX-License-Identifier: GPL-2.0-only

//! Another dkms than Debian's: one that is not packaged, from its source.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::host::project::Project;
use crate::host::run::{self, Cmd};
use crate::host::{mounts, ui};

/// What dkms's own Makefile installs of a source, to be put over a root in which Debian's is.
pub fn staged(project: &Project, source: &Path) -> Result<TempDir> {
    let work = mounts::scratch_folder(project)?;
    let copy = work.path().join("source");
    run::copy_all(source, &copy)?;
    let staged = mounts::scratch_folder(project)?;
    // Of the root itself, when it is put over that.
    fs::set_permissions(staged.path(), Permissions::from_mode(0o755))
        .context("cannot set a folder's mode")?;
    Cmd::new("make")
        .arg("-C")
        .arg(copy)
        .arg("install-debian")
        .arg(format!("DESTDIR={}", staged.path().display()))
        .log(&project.log("life-dkms")?)
        .run()
        .with_context(|| format!("{} is no source of dkms", source.display()))?;
    let dkms = staged.path().join("usr/sbin/dkms");
    let version = Cmd::new(&dkms).arg("--version").stdout()?;
    ui::say(&format!("{} takes the place of Debian's", version.trim()));
    Ok(staged)
}
