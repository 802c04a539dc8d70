// SPDX-License-Identifier: GPL-2.0-only

//! Whether others could have changed a file.

use anyhow::{Context, Result, bail};
use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The group and others may write.
const OTHERS: u32 = 0o002;
const GROUP: u32 = 0o020;
/// In a directory with this bit, nobody can move or remove what belongs to somebody else.
const STICKY: u32 = 0o1000;

/// Says whether only root, or whoever runs this, can have written what is at `path`.
///
/// # Errors
///
/// If it is not there, is a link, or belongs to or is writable by others.
pub fn trusted(path: &Path) -> Result<Metadata> {
    let meta = fs::symlink_metadata(path).with_context(|| path.display().to_string())?;
    if meta.file_type().is_symlink() {
        bail!("{} is a link", path.display());
    }
    judge(path, &meta, meta.mode())?;
    Ok(meta)
}

/// Says the same of a file or directory that links may lead to, and of every directory above it.
/// Returns its path without links.
///
/// # Errors
///
/// If it is not there, or others could have changed it or its place.
pub fn trusted_path(path: &Path) -> Result<PathBuf> {
    let real = fs::canonicalize(path).with_context(|| path.display().to_string())?;
    trusted(&real)?;
    for above in real.ancestors().skip(1) {
        let meta = fs::symlink_metadata(above).with_context(|| above.display().to_string())?;
        // What is below was found to belong to someone trusted, so that a sticky directory is
        // as good as one that others can't write.
        let mode = match meta.mode() & STICKY {
            0 => meta.mode(),
            _ => meta.mode() & !(OTHERS | GROUP),
        };
        judge(above, &meta, mode)?;
    }
    Ok(real)
}

/// The same of what a link may lead to that is not there: nobody else could put something there.
///
/// # Errors
///
/// As [`trusted_path`], of the first directory above that is there.
pub fn trusted_or_missing(path: &Path) -> Result<()> {
    match fs::canonicalize(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let target = fs::read_link(path).unwrap_or_default();
            let target = path.parent().unwrap_or(path).join(target);
            let there = target.ancestors().find(|above| above.exists());
            let there = there.with_context(|| path.display().to_string())?;
            trusted_path(there)?;
        }
        _ => {
            trusted_path(path)?;
        }
    }
    Ok(())
}

/// Whether this runs as root.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn judge(path: &Path, meta: &Metadata, mode: u32) -> Result<()> {
    let owner = meta.uid();
    if owner != 0 && owner != rustix::process::geteuid().as_raw() {
        bail!("{} belongs to user {owner}", path.display());
    }
    // Whoever is in root's group is as good as root.
    if mode & OTHERS != 0 || mode & GROUP != 0 && meta.gid() != 0 {
        bail!(
            "{} can be written by others (mode {:o})",
            path.display(),
            meta.mode() & 0o7777
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn what_others_can_write_and_links_are_not_trusted() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "x").unwrap();
        set_mode(&file, 0o644);
        assert!(trusted(&file).is_ok());

        set_mode(&file, 0o666);
        let why = trusted(&file).unwrap_err().to_string();
        assert!(why.contains("written by others"), "{why}");

        let link = dir.path().join("link");
        symlink(&file, &link).unwrap();
        let why = trusted(&link).unwrap_err().to_string();
        assert!(why.contains("is a link"), "{why}");
        assert!(trusted(&dir.path().join("none")).is_err());
    }

    #[test]
    fn a_path_is_trusted_only_if_every_directory_above_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let above = dir.path().join("a");
        fs::create_dir_all(above.join("b")).unwrap();
        let file = above.join("b/file");
        fs::write(&file, "x").unwrap();
        set_mode(&file, 0o644);
        let link = dir.path().join("link");
        symlink(&file, &link).unwrap();
        let real = fs::canonicalize(&file).unwrap();
        assert_eq!(trusted_path(&link).unwrap(), real);

        set_mode(&above, 0o777);
        let why = trusted_path(&link).unwrap_err().to_string();
        assert!(why.contains("/a can be written by others"), "{why}");
        // As /tmp is: nobody can put another `b` in the place of this one.
        set_mode(&above, 0o1777);
        assert!(trusted_path(&link).is_ok());

        // A link to nothing, which only whoever owns the directory can make something.
        fs::remove_file(&file).unwrap();
        assert!(trusted_path(&link).is_err());
        assert!(trusted_or_missing(&link).is_ok());
        set_mode(&above.join("b"), 0o1777);
        assert!(trusted_or_missing(&link).is_err());
    }
}
