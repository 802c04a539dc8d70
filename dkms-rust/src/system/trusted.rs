// SPDX-License-Identifier: GPL-2.0-only

//! Whether others could have changed a file.

use anyhow::{Context, Result, bail};
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Says whether only root, or whoever runs this, can have written what is at `path`.
///
/// # Errors
///
/// If it is not there, is a link, or belongs to or is writable by others.
pub fn trusted(path: &Path) -> Result<Metadata> {
    let meta = fs::symlink_metadata(path).with_context(|| path.display().to_string())?;
    let owner = meta.uid();
    if meta.file_type().is_symlink() {
        bail!("{} is a link", path.display());
    }
    if owner != 0 && owner != rustix::process::geteuid().as_raw() {
        bail!("{} belongs to user {owner}", path.display());
    }
    if meta.mode() & 0o022 != 0 {
        bail!(
            "{} can be written by others (mode {:o})",
            path.display(),
            meta.mode() & 0o7777
        );
    }
    Ok(meta)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn what_others_can_write_and_links_are_not_trusted() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "x").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(trusted(&file).is_ok());

        fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
        assert!(
            trusted(&file)
                .unwrap_err()
                .to_string()
                .contains("written by others")
        );

        let link = dir.path().join("link");
        symlink(&file, &link).unwrap();
        assert!(
            trusted(&link)
                .unwrap_err()
                .to_string()
                .contains("is a link")
        );
        assert!(trusted(&dir.path().join("none")).is_err());
    }
}
