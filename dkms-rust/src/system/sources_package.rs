// SPDX-License-Identifier: GPL-2.0-only

//! The package dkms-rust-sources with slices of kernels' sources instead of linux-source, and the
//! package dkms-rust-core with the source of Rust's `core` instead of rust-src. Their `Provides`
//! fields say which ones they contain.

use crate::system::System;
use crate::system::dpkg::{self, SourcePackage};
use std::path::PathBuf;

/// The names of the packages.
const SOURCES: &str = "dkms-rust-sources";
const CORE: &str = "dkms-rust-core";

/// The prefix of the names that the packages provide, each with a version. The name of a source
/// package follows, or [`RUST`].
const PROVIDED: &str = "dkms-rust-source-";
const RUST: &str = "rust";

/// Returns the directory of the library for this version of rustc.
pub fn library(system: &System, version: &str) -> PathBuf {
    system.shared().join("library").join(version)
}

/// Returns the command that installs the package, if apt has one with this source package.
pub fn install_source(system: &System, source: &SourcePackage) -> Option<String> {
    install(system, SOURCES, &source.package, &source.version)
}

/// Returns the command that installs the package, if apt has one with the library of this rustc.
pub fn install_library(system: &System, version: &str) -> Option<String> {
    install(system, CORE, RUST, version)
}

fn install(system: &System, package: &str, name: &str, version: &str) -> Option<String> {
    let provides = dpkg::provides(system, package)?;
    let wanted = format!("{PROVIDED}{name} (= {version})");
    let has = provides.split(',').any(|part| part.trim() == wanted);
    has.then(|| dpkg::install(system, &[package])).flatten()
}
