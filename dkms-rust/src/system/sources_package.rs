// SPDX-License-Identifier: GPL-2.0-only

//! The package dkms-rust-sources: slices of kernels' sources in place of linux-source, and Rust's
//! `core` in place of rust-src. It says in `Provides` which it has.

use crate::system::System;
use crate::system::dpkg::{self, Source};
use std::path::PathBuf;

/// The package.
const PACKAGE: &str = "dkms-rust-sources";

/// How the names begin of what it provides, each with a version: the source package's name follows,
/// or [`RUST`].
const PROVIDED: &str = "dkms-rust-source-";
const RUST: &str = "rust";

/// Where it has the library of a rustc.
pub fn library(system: &System, version: &str) -> PathBuf {
    system.shared().join("library").join(version)
}

/// The command that installs it, where apt has one with this source package.
pub fn install_source(system: &System, source: &Source) -> Option<String> {
    install(system, &source.package, &source.version)
}

/// The command that installs it, where apt has one with the library of this rustc.
pub fn install_library(system: &System, version: &str) -> Option<String> {
    install(system, RUST, version)
}

fn install(system: &System, name: &str, version: &str) -> Option<String> {
    let provides = dpkg::provides(system, PACKAGE)?;
    let wanted = format!("{PROVIDED}{name} (= {version})");
    let has = provides.split(',').any(|part| part.trim() == wanted);
    has.then(|| dpkg::install(system, &[PACKAGE])).flatten()
}
