// SPDX-License-Identifier: GPL-2.0-only

//! Remembers facts about kernels: one directory per subject below [`System::state`], with one file
//! per kernel.

use crate::kernel::release::Release;
use crate::system::System;
use crate::system::bounded;
use crate::system::trusted::trusted_path;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs;
use std::io;
use std::path::PathBuf;

/// The suffix of the files' names, after the release.
pub const END: &str = ".json";

/// Returns the path of a kernel's file.
pub fn file(system: &System, subject: &str, release: &Release) -> PathBuf {
    system.state().join(subject).join(format!("{release}{END}"))
}

/// Returns what is remembered about a kernel, if nobody else could have changed it.
pub fn recall<T: DeserializeOwned>(system: &System, subject: &str, release: &Release) -> Option<T> {
    let file = file(system, subject, release);
    trusted_path(&file).ok()?;
    let text = bounded::read(&file, bounded::TEXT).ok()?;
    serde_json::from_slice(&text).ok()
}

/// Remembers something about a kernel. The file is replaced atomically: a reader finds either the
/// old or the new content.
///
/// # Errors
///
/// If it can't be written.
pub fn remember(
    system: &System,
    subject: &str,
    release: &Release,
    what: &impl Serialize,
) -> io::Result<()> {
    let file = file(system, subject, release);
    fs::create_dir_all(system.state().join(subject))?;
    let new = file.with_extension(format!("new-{}", std::process::id()));
    fs::write(&new, serde_json::to_vec(what)?)?;
    fs::rename(&new, &file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn what_others_could_have_changed_is_not_remembered() {
        let root = tempfile::tempdir().unwrap();
        let system = System::below(root.path());
        let release: Release = "7.3.4-amd64".parse().unwrap();
        let recalled = || recall::<u32>(&system, "x", &release);
        remember(&system, "x", &release, &7).unwrap();
        assert_eq!(recalled(), Some(7));
        let folder = system.state().join("x");
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
        assert_eq!(recalled(), None);
    }
}
