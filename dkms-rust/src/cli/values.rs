// SPDX-License-Identifier: GPL-2.0-only

//! Arguments that several commands have: the kernel, and a package with its version.

use crate::kernel::release::Release;
use std::path::PathBuf;
use std::str::FromStr;

/// A package and its version, written as `NAME/VERSION`.
#[derive(Clone, Debug)]
pub struct NamedVersion {
    /// The package's name in dkms.
    pub name: String,
    /// The version of the package's source.
    pub version: String,
}

impl FromStr for NamedVersion {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('/');
        let (package, version) = parts.ok_or_else(|| format!("{text:?} is not NAME/VERSION"))?;
        Ok(Self {
            name: name(package)?,
            version: name(version)?,
        })
    }
}

/// Checks a name or version: a single path component that does not look like an option.
pub fn name(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "+-._~:".contains(c);
    let begins = text.starts_with(|c: char| c.is_ascii_alphanumeric());
    if begins && text.chars().all(allowed) {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "{text:?} must begin with a letter or digit, and contain only letters, digits and + - \
             . _ ~ :"
        ))
    }
}

/// The kernel that a command works on.
#[derive(Debug, clap::Args)]
pub struct KernelArg {
    /// The kernel's release, as in /lib/modules [default: the running kernel]
    #[arg(short = 'k', long = "kernel", value_name = "RELEASE")]
    release: Option<Release>,
    /// The kernel's headers, if they are not in /lib/modules/RELEASE/build
    #[arg(long, value_name = "DIRECTORY")]
    pub headers: Option<PathBuf>,
    /// Keep build trees in this directory of yours [default for users: ~/.cache/dkms-rust]
    #[arg(long, value_name = "DIRECTORY")]
    pub cache: Option<PathBuf>,
}

impl KernelArg {
    /// Returns the requested release, or that of the running kernel.
    ///
    /// # Errors
    ///
    /// Returns an error if the running kernel's release is not one that modules can be built for.
    pub fn release(&self) -> anyhow::Result<Release> {
        match &self.release {
            Some(release) => Ok(release.clone()),
            None => Ok(Release::running()?),
        }
    }
}
