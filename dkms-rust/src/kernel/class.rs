// SPDX-License-Identifier: GPL-2.0-only

//! Decides what a kernel offers to a Rust module: by looking at the kernel, never by a list of
//! versions.

use crate::kernel::headers::Kernel;
use crate::kernel::metadata;
use crate::kernel::refusal::Refusal;
use serde::Serialize;
use std::fmt;

/// What a kernel offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// The build tree contains the Rust metadata: self-built kernels, Ubuntu, Fedora, Arch.
    Metadata,
    /// The kernel has Rust compiled in, but no package contains its metadata: Debian 7.x.
    Rust,
    /// The kernel has no Rust: Debian 13's 6.12.
    NoRust,
}

impl Class {
    /// Classifies a kernel.
    ///
    /// # Errors
    ///
    /// A refusal if the configuration would make bindings to C structures wrong.
    pub fn of(kernel: &Kernel) -> Result<Self, Refusal> {
        if kernel.config.is_on("RANDSTRUCT") {
            let why = "it randomises the layout of its structures (CONFIG_RANDSTRUCT), so Rust \
                       modules can't have bindings for it";
            return Err(Refusal::final_(&kernel.release, why));
        }
        // If a kernel without Rust has metadata, an earlier build left it.
        if !kernel.config.is_on("RUST") {
            Ok(Self::NoRust)
        } else if kernel.build.join(metadata::KERNEL).is_file() {
            Ok(Self::Metadata)
        } else {
            Ok(Self::Rust)
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Metadata => "metadata",
            Self::Rust => "rust",
            Self::NoRust => "no rust",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::headers::tests::make_installed;
    use crate::system::System;
    use std::fs;

    fn class(config: &str, with_metadata: bool) -> Result<Class, Refusal> {
        let root = tempfile::tempdir().unwrap();
        let build = make_installed(root.path(), "7.3.4-amd64", config);
        if with_metadata {
            fs::create_dir(build.join("rust")).unwrap();
            fs::write(build.join("rust/libkernel.rmeta"), "").unwrap();
        }
        let release = "7.3.4-amd64".parse().unwrap();
        Class::of(&Kernel::find(&System::below(root.path()), &release).unwrap())
    }

    #[test]
    fn metadata_in_the_build_tree_decides_first() {
        assert_eq!(class("CONFIG_RUST=y\n", true), Ok(Class::Metadata));
    }

    #[test]
    fn a_kernel_with_rust_but_no_metadata_is_class_rust() {
        assert_eq!(class("CONFIG_RUST=y\n", false), Ok(Class::Rust));
    }

    #[test]
    fn a_kernel_without_rust_is_class_no_rust() {
        assert_eq!(
            class("# CONFIG_RUST is not set\n", false),
            Ok(Class::NoRust)
        );
    }

    #[test]
    fn metadata_that_an_earlier_build_with_rust_left_does_not_count() {
        let config = "# CONFIG_RUST is not set\n";
        assert_eq!(class(config, true), Ok(Class::NoRust));
    }

    #[test]
    fn randomised_layouts_are_refused_whatever_else_is_there() {
        let refusal = class("CONFIG_RUST=y\nCONFIG_RANDSTRUCT=y\n", true).unwrap_err();
        assert!(refusal.reason.contains("CONFIG_RANDSTRUCT"));
        assert_eq!(
            class("CONFIG_RUST=y\nCONFIG_RANDSTRUCT_NONE=y\n", false),
            Ok(Class::Rust)
        );
    }
}
