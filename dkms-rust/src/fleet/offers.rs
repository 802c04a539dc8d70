// SPDX-License-Identifier: GPL-2.0-only

//! What the archive offers in a chroot: kernels, and the versions of packages.

use super::chroot::Chroot;
use super::config::Suite;
use crate::system::version;
use anyhow::Result;

/// The beginning of the names of headers.
pub const HEADERS: &str = "linux-headers-";

/// The beginning of the names of images.
pub const IMAGE: &str = "linux-image-";

/// A kernel that the archive offers.
pub struct OfferedKernel {
    /// Its release.
    pub release: String,
    /// The version of its headers.
    pub version: String,
}

/// Returns the kernels that the archive offers and the fleet wants, oldest first.
///
/// # Errors
///
/// If apt can't be run in the chroot.
pub fn offers(chroot: &Chroot, suite: &Suite) -> Result<Vec<OfferedKernel>> {
    let (_, said) = chroot.ask(&["apt-cache", "pkgnames", HEADERS])?;
    let releases = said.lines().filter_map(|name| name.strip_prefix(HEADERS));
    let is_kernel = |release: &&str| {
        // The part that the kernels of one version share, and metapackages, are none.
        release.starts_with(|c: char| c.is_ascii_digit()) && !release.contains("-common")
    };
    let mut offers = Vec::new();
    for release in releases.filter(is_kernel) {
        if !suite.wants(release) {
            continue;
        }
        if let Some(version) = candidate(chroot, &format!("{HEADERS}{release}"))? {
            let release = release.to_owned();
            offers.push(OfferedKernel { release, version });
        }
    }
    offers.sort_by(|a, b| version::compare(&a.release, &b.release));
    Ok(offers)
}

/// Returns the version of a package that apt would install.
///
/// # Errors
///
/// If apt can't be run in the chroot.
pub fn candidate(chroot: &Chroot, package: &str) -> Result<Option<String>> {
    let (_, said) = chroot.ask(&["apt-cache", "policy", package])?;
    let line = said
        .lines()
        .find_map(|line| line.trim().strip_prefix("Candidate:"));
    let version = line.map(str::trim).filter(|version| *version != "(none)");
    Ok(version.map(str::to_owned))
}

/// Returns the release of the kernel that a metapackage depends on.
pub fn kernel_of(shown: &str) -> Option<&str> {
    let depends = shown
        .lines()
        .find_map(|line| line.strip_prefix("Depends:"))?;
    depends.split(',').find_map(|package| {
        let release = package
            .trim()
            .split([' ', '|'])
            .next()?
            .strip_prefix(IMAGE)?;
        release
            .starts_with(|c: char| c.is_ascii_digit())
            .then_some(release)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_of_a_metapackage_is_in_its_depends() {
        let shown = "Package: linux-image-amd64\nDepends: linux-image-6.12.117+deb13-amd64 (= 6.12.117-1)\n";
        assert_eq!(kernel_of(shown), Some("6.12.117+deb13-amd64"));
        assert_eq!(
            kernel_of("Depends: linux-image-rt, linux-image-7-amd64 | x\n"),
            Some("7-amd64")
        );
        assert_eq!(kernel_of("Package: x\n"), None);
    }
}
