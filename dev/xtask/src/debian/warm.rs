// SPDX-License-Identifier: GPL-2.0-only

//! Fills dkms-rust's cache before a guest boots. Rebuilding the kernel's Rust metadata takes a
//! minute at native speed, but a quarter of an hour in an emulated guest. The packaged dkms-rust
//! does this in the root that the guest boots.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::debian::chroot::Chroot;
use crate::debian::packaged;
use crate::debian::root::Root;
use crate::host::project::Project;
use crate::host::run::{self, Cmd};
use crate::host::{digest, files, lock, mounts, ui};

/// The source of the modules that dkms-rust is tested with.
pub const TEST_MODULES: &str = "dkms-rust/tests/modules";

/// What is kept after a rebuild, and where: the build tree, and the slice of the kernel's source.
pub const KEPT: [(&str, &str); 2] = [
    ("cache", "var/cache/dkms-rust"),
    ("source", "var/lib/dkms-rust/source"),
];

/// How long the metadata of another dkms-rust is kept: another clone may be using it.
const OLD: Duration = Duration::from_secs(24 * 60 * 60);

/// Returns a directory with a kernel's build tree and slice. Makes it unless this very dkms-rust
/// has done so before.
pub fn cache(project: &Project, root: &Root, release: &str, repo: &Path) -> Result<PathBuf> {
    let key = key(repo)?;
    // Another clone may be about to do the same.
    let _lock = lock::take(&root.folder.join(format!("metadata-{release}.lock")))?;
    let folder = root.folder.join(format!("warm-{release}-{key}"));
    if folder.exists() {
        ui::say(&format!(
            "reuse the Rust metadata of {release} that this dkms-rust made before"
        ));
        return Ok(folder);
    }
    files::remove_named(&root.folder, |name| {
        name.starts_with("warm-") && !name.ends_with(&key) && is_old(&root.folder.join(name))
    })?;
    let what = format!("rebuild the Rust metadata of {release} natively, in the same root");
    ui::step(&what, || {
        let log = project.log("warm")?;
        let chroot = packaged::with_dkms_rust(project, root, repo, &log)?;
        chroot
            .cmd("dkms-rust")
            .args(["kdir", "-k", release])
            .log(&log)
            .stream(&mut |line| ui::say(&format!("  {line}")))?
            .must_succeed("dkms-rust kdir")?;
        let work = mounts::scratch_folder(project)?;
        keep(&chroot, work.path())?;
        files::rename(&work.keep(), &folder)
    })?;
    Ok(folder)
}

fn is_old(folder: &Path) -> bool {
    let changed = fs::metadata(folder).and_then(|metadata| metadata.modified());
    changed.is_ok_and(|changed| changed.elapsed().is_ok_and(|age| age > OLD))
}

/// Makes a chroot with the packaged dkms-rust installed, and fills it from these directories.
pub fn root(
    project: &Project,
    root: &Root,
    repo: &Path,
    warm: &[impl AsRef<Path>],
    log: &Path,
) -> Result<Chroot> {
    let chroot = packaged::with_dkms_rust(project, root, repo, log)?;
    for warm in warm {
        fill(&chroot, warm.as_ref())?;
    }
    Ok(chroot)
}

/// Copies what dkms-rust has kept in a root to a directory, for [`fill`].
pub fn keep(chroot: &Chroot, folder: &Path) -> Result<()> {
    for (name, place) in KEPT {
        let from = chroot.path().join(place);
        if from.exists() {
            let to = folder.join(name);
            files::make_dir(&to)?;
            run::copy_all(&from, &to)?;
        }
    }
    Ok(())
}

/// Copies what [`keep`] has stored to where dkms-rust looks for it, in addition to what is there.
pub fn fill(chroot: &Chroot, warm: &Path) -> Result<()> {
    for (name, place) in KEPT {
        let to = chroot.path().join(place);
        files::make_dir(&to)?;
        run::copy_all(&warm.join(name), &to)?;
    }
    Ok(())
}

/// Returns a digest of the dkms-rust program: another program must fill the cache again.
fn key(repo: &Path) -> Result<String> {
    let work = tempfile::tempdir().context("cannot make a folder")?;
    for path in files::list(repo)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("dkms-rust-common_") {
            Cmd::new("dpkg-deb")
                .arg("--extract")
                .args([&path, work.path()])
                .run()?;
        }
    }
    let program = work.path().join("usr/bin/dkms-rust");
    let bytes =
        fs::read(&program).with_context(|| format!("{} has no dkms-rust", repo.display()))?;
    Ok(digest::of(bytes))
}
