// SPDX-License-Identifier: GPL-2.0-only

//! A kernel of a Debian archive: its release, its flavour, its packages.

use serde::{Deserialize, Serialize};

use crate::debian::kernels::FLAVOUR;

/// A kernel whose headers and source are also in the archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kernel {
    /// The suite that contains it.
    pub suite: String,
    /// The series: the first two numbers of its version.
    pub series: String,
    /// The flavour: the end of its release.
    pub flavour: String,
    /// The version of its packages.
    pub version: String,
    /// Its release, as `uname -r` gives it.
    pub release: String,
    /// The version and release of the previous kernel of the series, if the archive still has it
    /// with its headers and its source.
    #[serde(default)]
    pub before: Option<(String, String)>,
}

impl Kernel {
    /// Returns the previous kernel of the series.
    pub fn before(&self) -> Option<Self> {
        let (version, release) = self.before.clone()?;
        Some(Self {
            version,
            release,
            before: None,
            ..self.clone()
        })
    }

    /// Returns its architecture, if the rest of the root has another one.
    pub fn foreign(&self) -> Option<&str> {
        Some(architecture(&self.flavour)).filter(|name| *name != FLAVOUR)
    }

    /// Returns one of its packages, in apt's syntax.
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

/// Returns the architecture of a flavour: that of `cloud-arm64` is `arm64`.
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
