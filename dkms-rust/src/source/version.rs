// SPDX-License-Identifier: GPL-2.0-only

//! The version of a kernel's source, or of its headers.

use crate::kernel::headers::Kernel;
use crate::system::System;
use crate::system::dpkg::{self, SourcePackage};
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs;
use std::path::Path;

/// A version. Structure layouts come from the headers and code from the source, so both must be of
/// the same version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// The upstream version in the top Makefile: `7.3.4`.
    pub upstream: String,
    /// The Debian source package and its version, such as `linux 7.3.4-1~bpo13+1`; none if the
    /// files belong to no package.
    pub debian: Option<String>,
}

impl Version {
    /// Returns the version of a kernel's headers.
    ///
    /// # Errors
    ///
    /// If their Makefile contains none.
    pub fn of_headers(system: &System, kernel: &Kernel) -> Result<Self> {
        Ok(Self {
            upstream: upstream(&kernel.common)?,
            debian: package(system, kernel).map(|source| name(&source)),
        })
    }

    /// Returns whether a source of this version matches `headers`. A source that belongs to no
    /// package can only be compared by its Makefile.
    pub fn fits(&self, headers: &Self) -> bool {
        self.upstream == headers.upstream
            && (self.debian.is_none() || self.debian == headers.debian)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.debian {
            Some(debian) => f.write_str(debian),
            None => f.write_str(&self.upstream),
        }
    }
}

/// Returns the source package of a kernel's headers, if they belong to a package.
pub fn package(system: &System, kernel: &Kernel) -> Option<SourcePackage> {
    dpkg::source_of(system, &format!("linux-headers-{}", kernel.release))
}

/// Returns a source package and its version in one line.
pub fn name(source: &SourcePackage) -> String {
    format!("{} {}", source.package, source.version)
}

/// Returns the upstream version in the top Makefile of `tree`.
///
/// # Errors
///
/// If there is no Makefile, or it has no version.
pub fn upstream(tree: &Path) -> Result<String> {
    let makefile = tree.join("Makefile");
    let text = fs::read_to_string(&makefile)
        .with_context(|| format!("can't read {}", makefile.display()))?;
    parse(&text).with_context(|| format!("{} has no version", makefile.display()))
}

fn parse(makefile: &str) -> Option<String> {
    let value = |name: &str| {
        let mut lines = makefile
            .lines()
            .take(20)
            .filter_map(|line| line.split_once('='));
        let (_, value) = lines.find(|(key, _)| key.trim() == name)?;
        Some(value.trim().to_owned())
    };
    let number = |name: &str| value(name).filter(|value| !value.is_empty());
    let mut version = number("VERSION")?;
    for part in ["PATCHLEVEL", "SUBLEVEL"] {
        if let Some(part) = number(part) {
            version = format!("{version}.{part}");
        }
    }
    Some(version + &value("EXTRAVERSION").unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_that_of_the_makefile() {
        let makefile = "# SPDX\nVERSION = 7\nPATCHLEVEL = 3\nSUBLEVEL = 4\nEXTRAVERSION =\n\
                        NAME = Baby\n";
        assert_eq!(parse(makefile).as_deref(), Some("7.3.4"));
        let candidate = makefile.replace("EXTRAVERSION =", "EXTRAVERSION = -rc2");
        assert_eq!(parse(&candidate).as_deref(), Some("7.3.4-rc2"));
        assert_eq!(parse("all:\n\t@true\n"), None);
    }

    #[test]
    fn a_source_fits_headers_of_the_same_package_and_version_only() {
        let version = |upstream: &str, debian: Option<&str>| Version {
            upstream: upstream.into(),
            debian: debian.map(str::to_owned),
        };
        let headers = version("7.3.4", Some("linux 7.3.4-1"));
        assert!(version("7.3.4", Some("linux 7.3.4-1")).fits(&headers));
        assert!(!version("7.3.4", Some("linux 7.3.4-2")).fits(&headers));
        assert!(!version("7.3.4", Some("linux-upstream 7.3.4-1")).fits(&headers));
        assert!(version("7.3.4", None).fits(&headers));
        assert!(!version("7.3.5", None).fits(&headers));
        assert!(!version("7.3.4", Some("linux 7.3.4-1")).fits(&version("7.3.4", None)));
    }
}
