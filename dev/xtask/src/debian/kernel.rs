// SPDX-License-Identifier: GPL-2.0-only

//! A kernel of a Debian archive.

use serde::{Deserialize, Serialize};

use crate::debian::kernels::FLAVOUR;

/// A kernel that an archive offers with its headers and its source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kernel {
    /// The suite that has it.
    pub suite: String,
    /// The first two numbers of its version.
    pub series: String,
    /// The end of its release.
    pub flavour: String,
    /// The version of its packages.
    pub version: String,
    /// Its release, as `uname -r` gives it.
    pub release: String,
    /// The version and release of the one before it in its series, where the archive still has
    /// that, with its headers and its source.
    #[serde(default)]
    pub before: Option<(String, String)>,
}

impl Kernel {
    /// The one before it in its series.
    pub fn before(&self) -> Option<Self> {
        let (version, release) = self.before.clone()?;
        Some(Self {
            version,
            release,
            before: None,
            ..self.clone()
        })
    }

    /// Its architecture, where that is not the one of all else in the roots.
    pub fn foreign(&self) -> Option<&str> {
        Some(architecture(&self.flavour)).filter(|name| *name != FLAVOUR)
    }

    /// One of its own packages, as apt is told of it.
    pub fn package(&self, kind: &str) -> String {
        let architecture = self.foreign().map(|name| format!(":{name}"));
        format!(
            "{kind}-{}{}={}",
            self.release,
            architecture.unwrap_or_default(),
            self.version
        )
    }
}

/// The architecture that a flavour is for: `cloud-arm64` is one of `arm64`.
pub fn architecture(flavour: &str) -> &str {
    flavour.rsplit('-').next().unwrap_or(flavour)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_of_another_architecture_are_named_with_it() {
        let kernel = |flavour: &str| Kernel {
            suite: "s".into(),
            series: "7.3".into(),
            flavour: flavour.into(),
            version: "7.3.4-1".into(),
            release: format!("7.3.4-{flavour}"),
            before: None,
        };
        let image = |flavour| kernel(flavour).package("linux-image");
        assert_eq!(image("rt-amd64"), "linux-image-7.3.4-rt-amd64=7.3.4-1");
        assert_eq!(image("arm64"), "linux-image-7.3.4-arm64:arm64=7.3.4-1");
        assert_eq!(kernel("cloud-amd64").foreign(), None);
    }
}
