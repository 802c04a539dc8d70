// SPDX-License-Identifier: GPL-2.0-only

//! Kernel releases: what `uname -r` prints.

use crate::system::{System, version};
use anyhow::{Context, Result};
use std::fmt;
use std::fs;
use std::path::Path;
use std::str::FromStr;

/// The release of a kernel, such as `7.3.4+deb13-amd64`: one path component, safe to join.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Release(String);

/// Why a string is not a kernel release.
#[derive(Debug, PartialEq, Eq)]
pub struct NotARelease(String);

impl Release {
    /// Returns the release as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the release of the running kernel.
    pub fn running() -> std::result::Result<Self, NotARelease> {
        let uname = rustix::system::uname();
        uname.release().to_string_lossy().parse()
    }

    /// Returns the first two numbers: `(7, 3)` for `7.3.4+deb13-amd64`. linux-source packages are
    /// named after them.
    pub fn series(&self) -> Option<(u32, u32)> {
        let mut numbers = self.0.splitn(3, '.').map(|part| {
            let end = part.find(|c: char| !c.is_ascii_digit());
            part[..end.unwrap_or(part.len())].parse().ok()
        });
        Some((numbers.next()??, numbers.next()??))
    }
}

/// The prefixes of the names of kernel images in `/boot`.
const IMAGES: [&str; 3] = ["vmlinuz-", "vmlinux-", "kernel-"];

impl Release {
    /// Returns the release in the path of a kernel image, such as
    /// `/boot/vmlinuz-7.3.4+deb13-amd64`.
    pub fn of_image(path: &str) -> Option<Self> {
        let name = Path::new(path).file_name()?.to_str()?;
        let release = IMAGES.iter().find_map(|prefix| name.strip_prefix(prefix));
        release?.parse().ok()
    }

    /// Returns whether the kernel or its headers are installed. A removal may leave the directory
    /// behind.
    pub fn is_installed(&self, system: &System) -> bool {
        let folder = system.modules().join(&self.0);
        ["kernel", "build"]
            .iter()
            .any(|name| folder.join(name).symlink_metadata().is_ok())
    }

    /// Returns the kernels that are installed, oldest first. Only a kernel's image brings
    /// modules.builtin, while headers alone also create the directory.
    pub fn kernels(system: &System) -> Vec<Self> {
        let mut found = Self::installed(system).unwrap_or_default();
        found.retain(|release| {
            let folder = system.modules().join(release.as_str());
            folder.join("modules.builtin").exists()
        });
        found
    }

    /// Returns the releases that have a directory in [`System::modules`], oldest first.
    ///
    /// # Errors
    ///
    /// If that directory can't be listed.
    pub fn installed(system: &System) -> Result<Vec<Self>> {
        let modules = system.modules();
        let mut releases: Vec<Self> = fs::read_dir(&modules)
            .with_context(|| format!("can't list {}", modules.display()))?
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .collect();
        releases.sort_by(|a, b| version::compare(a.as_str(), b.as_str()));
        Ok(releases)
    }
}

impl FromStr for Release {
    type Err = NotARelease;

    fn from_str(text: &str) -> std::result::Result<Self, NotARelease> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "+-._~".contains(c);
        let good = text.len() <= 64
            && text.starts_with(|c: char| c.is_ascii_digit())
            && text.chars().all(allowed);
        if good {
            Ok(Self(text.to_owned()))
        } else {
            Err(NotARelease(text.to_owned()))
        }
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for NotARelease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} is not a kernel release: it must start with a digit and contain only letters, \
             digits and + - . _ ~ (see `uname -r` and /lib/modules)",
            self.0
        )
    }
}

impl std::error::Error for NotARelease {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debian_releases_are_accepted() {
        for text in [
            "7.3.4+deb13-amd64",
            "6.12.107+deb13-rt-amd64",
            "7.4~rc3-amd64",
            "6.1.0",
        ] {
            assert_eq!(text.parse::<Release>().unwrap().as_str(), text);
        }
    }

    #[test]
    fn nothing_that_could_leave_a_folder_is_accepted() {
        for text in [
            "", ".", "..", "../7.3", "7.3/../x", "7.3 x", "-k", "7.3\n", "7.3$(id)", "a7",
        ] {
            assert!(text.parse::<Release>().is_err(), "{text:?}");
        }
        assert!("7".repeat(65).parse::<Release>().is_err());
    }

    #[test]
    fn the_series_is_the_first_two_numbers() {
        let series = |text: &str| text.parse::<Release>().unwrap().series();
        assert_eq!(series("7.3.4+deb13-amd64"), Some((7, 3)));
        assert_eq!(series("6.12.107+deb13-cloud-amd64"), Some((6, 12)));
        assert_eq!(series("7.4~rc3-amd64"), Some((7, 4)));
        assert_eq!(series("7"), None);
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
        let found = Release::installed(&System::below(root.path())).unwrap();
        let names: Vec<_> = found.iter().map(|release| release.as_str()).collect();
        assert_eq!(names, ["6.12.1-amd64", "7.3.4+deb13-amd64"]);
    }
}
