// SPDX-License-Identifier: GPL-2.0-only

//! Creates a new project: a module with everything that its package needs. Files that procdriver
//! also has are taken from there and get other names. The others are in `dkms-rust/scaffold`. May
//! use `system`.

mod date;
pub mod driver;
mod files;
pub mod name;
pub mod project;

use crate::system::names_in;
use anyhow::{Context, Result, bail, ensure};
use files::FILES;
use project::Project;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Writes the project into a directory that is empty or does not exist yet.
///
/// # Errors
///
/// Returns an error if the directory is not empty, or can't be written.
pub fn create(project: &Project, folder: &Path) -> Result<()> {
    let shown = folder.display();
    if let Some(first) = names_in(folder).first() {
        bail!(
            "{shown} is not empty ({first} is in it): name a directory that is empty or does not exist"
        );
    }
    ensure!(
        folder.is_dir() || fs::symlink_metadata(folder).is_err(),
        "{shown} exists and is not a directory"
    );
    for (path, text, program) in files_of(project) {
        let path = folder.join(path);
        write(&path, &text, program).with_context(|| format!("can't write {}", path.display()))?;
    }
    Ok(())
}

/// Returns the path and the content of each file, and whether it is executable.
fn files_of(project: &Project) -> impl Iterator<Item = (String, String, bool)> {
    FILES
        .iter()
        .filter(|file| file.packaging.is_none_or(|of| of == project.packaging))
        .map(|file| (project.fill(file.path), file.text(project), file.program))
}

fn write(path: &Path, text: &str, program: bool) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(if program { 0o755 } else { 0o644 })
        .open(path)?;
    Ok(file.write_all(text.as_bytes())?)
}

#[cfg(test)]
mod tests;
