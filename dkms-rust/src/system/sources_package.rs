// SPDX-License-Identifier: GPL-2.0-only

//! The package dkms-rust-sources: slices of kernels' sources instead of linux-source, and the
//! source of Rust's `core` instead of rust-src. Its `Provides` field says which ones it contains.

use crate::system::System;
use crate::system::dpkg::{self, Source};
use std::path::PathBuf;

/// The name of the package.
const PACKAGE: &str = "dkms-rust-sources";

/// The prefix of the names that the package provides, each with a version. The name of a source
/// package follows, or [`RUST`].
const PROVIDED: &str = "dkms-rust-source-";
const RUST: &str = "rust";

/// Returns the directory of the library for this version of rustc.
pub fn library(system: &System, version: &str) -> PathBuf {
    system.shared().join("library").join(version)
}

/// Returns the command that installs the package, if apt has one with this source package.
pub fn install_source(system: &System, source: &Source) -> Option<String> {
    install(system, &source.package, &source.version)
}

/// Returns the command that installs the package, if apt has one with the library of this rustc.
pub fn install_library(system: &System, version: &str) -> Option<String> {
    install(system, RUST, version)
}

fn install(system: &System, name: &str, version: &str) -> Option<String> {
    let provides = dpkg::provides(system, PACKAGE)?;
    let wanted = format!("{PROVIDED}{name} (= {version})");
    let has = provides.split(',').any(|part| part.trim() == wanted);
    has.then(|| dpkg::install(system, &[PACKAGE])).flatten()
}
