// SPDX-License-Identifier: GPL-2.0-only

//! Where things are on a system, and whether they can be trusted.

use crate::version;
use anyhow::{Context, Result, bail};
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The folders that dkms-rust looks into, below a root that tests can set.
#[derive(Clone, Debug)]
pub struct System {
    root: PathBuf,
}

impl System {
    /// The machine itself.
    pub fn here() -> Self {
        Self::below("/")
    }

    /// A system whose `/` is at `root`.
    pub fn below(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// What is at `path`, written without its first slash.
    pub fn at(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// The same the other way round: a path as this system's users write it.
    pub fn shown(&self, path: &Path) -> String {
        let inside = path.strip_prefix(&self.root).unwrap_or(path);
        Path::new("/").join(inside).display().to_string()
    }

    /// Where modules are installed: a folder a kernel release.
    pub fn modules(&self) -> PathBuf {
        self.root.join("lib/modules")
    }

    /// Where linux-source packages put their archives.
    pub fn sources(&self) -> PathBuf {
        self.root.join("usr/src")
    }

    /// What is kept of rebuilds.
    pub fn cache(&self) -> PathBuf {
        self.root.join("var/cache/dkms-rust")
    }

    /// DKMS's own records: a folder a module.
    pub fn dkms(&self) -> PathBuf {
        self.root.join("var/lib/dkms")
    }

    /// A folder a loaded module.
    pub fn loaded(&self) -> PathBuf {
        self.root.join("sys/module")
    }

    /// dpkg's database.
    pub fn dpkg(&self) -> PathBuf {
        self.root.join("var/lib/dpkg")
    }

    /// The releases that have a folder in [`System::modules`], in order.
    pub fn releases(&self) -> Result<Vec<crate::release::Release>> {
        let modules = self.modules();
        let mut releases: Vec<crate::release::Release> = fs::read_dir(&modules)
            .with_context(|| format!("can't list {}", modules.display()))?
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .collect();
        releases.sort_by(|a, b| version::compare(a.as_str(), b.as_str()));
        Ok(releases)
    }
}

/// The names in a folder, in order; none if it can't be listed.
pub fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}

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

    #[test]
    fn a_path_is_shown_as_those_write_it_who_live_there() {
        let system = System::below("/tmp/x");
        assert_eq!(system.shown(&system.at("etc/y")), "/etc/y");
        let here = System::here();
        assert_eq!(here.shown(&here.at("etc/y")), "/etc/y");
    }

    #[test]
    fn releases_are_the_folders_with_the_name_of_one() {
        let root = tempfile::tempdir().unwrap();
        for name in [
            "7.3.4+deb13-amd64",
            "6.12.1-amd64",
            "not-a-release",
            ".hidden",
        ] {
            fs::create_dir_all(root.path().join("lib/modules").join(name)).unwrap();
        }
        let found = System::below(root.path()).releases().unwrap();
        let names: Vec<_> = found.iter().map(|release| release.as_str()).collect();
        assert_eq!(names, ["6.12.1-amd64", "7.3.4+deb13-amd64"]);
    }
}
