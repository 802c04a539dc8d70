// SPDX-License-Identifier: GPL-2.0-only

//! Generated files that the packages ship: dkms-rust's shell completions, made from its command
//! line definition so that they always match the program; and the files that debhelper puts into
//! other packages, made from the driver's own.

use std::path::Path;

use anyhow::{Context, Result};
use clap_complete::{Shell, generate_to};

use crate::host::files;
use crate::host::project::Project;

/// Writes the generated files to target/assets, where the packages' asset lists expect them.
pub fn write(project: &Project) -> Result<()> {
    // Use the source tree even if CARGO_TARGET_DIR is elsewhere: the lists contain paths relative
    // to it.
    let assets = project.source.join("target/assets");
    write_completions(&assets.join("completions"))?;
    write_debhelper(&assets.join("debhelper"))
}

/// The bindgen programs of the dkms-rust package.
const BINDGENS: [&str; 2] = ["bindgen-0-71", "bindgen-0-72"];

/// Copies the bindgen programs to target/assets.
pub fn take_bindgens(project: &Project, built: &Path) -> Result<()> {
    let folder = project.source.join("target/assets/bindgen");
    files::make_empty_dir(&folder)?;
    BINDGENS
        .iter()
        .try_for_each(|name| files::copy(&built.join(name), &folder.join(name)))
}

fn write_debhelper(dir: &Path) -> Result<()> {
    files::make_empty_dir(dir)?;
    for (path, text) in dh_dkms_rust::files() {
        let path = dir.join(path);
        files::make_dir(path.parent().unwrap_or(dir))?;
        files::write(&path, text)?;
    }
    Ok(())
}

fn write_completions(dir: &Path) -> Result<()> {
    files::make_dir(dir)?;
    for shell in [Shell::Bash, Shell::Fish, Shell::Zsh] {
        let mut command = dkms_rust::cli::command();
        generate_to(shell, &mut command, "dkms-rust", dir)
            .with_context(|| format!("cannot write the completion for {shell}"))?;
    }
    Ok(())
}
