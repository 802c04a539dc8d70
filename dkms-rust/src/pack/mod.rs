// SPDX-License-Identifier: GPL-2.0-only

//! `dkms-rust pack`: builds the modules of a DKMS package for one kernel and puts them, signed, into
//! a Debian package that needs no compiler. May use all rooms except `cli` and `commands`.
//!
//! [`build`] runs dkms where nothing of this machine's own records and settings is visible; [`deb`]
//! fills the package, and [`mod@stage`] makes it. [`meta`] writes the package that follows a
//! flavour's kernel; [`export`] puts packages into other forms. The packages' maintainer
//! scripts are in `dkms-rust/prebuilt`; what they call is in `package::prebuilt`.

mod build;
mod deb;
pub mod export;
pub mod meta;
mod private;
mod stage;

pub use build::is_in_token;

use crate::build::plan::Plan;
use crate::kernel::release::Release;
use crate::package::source::DkmsSource;
use crate::source::work::WorkDir;
use crate::status::outcomes::Outcomes;
use crate::system::System;
use crate::system::run::{answer, step};
use crate::system::trusted::is_root;
use anyhow::{Context, Result, ensure};
use build::SigningKey;
use stage::Stage;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What to pack, and how.
pub struct Request<'a> {
    /// The name of the source in dkms.
    pub name: &'a str,
    /// The version of the source in dkms.
    pub version: &'a str,
    /// The kernel.
    pub release: &'a Release,
    /// The private key, as kbuild's `sign-file` takes it, and its certificate.
    pub key: Option<(&'a str, &'a Path)>,
    /// How many packages of the same version were made before; 0 adds nothing to the version.
    pub rebuild: u32,
    /// The directory for the package.
    pub output: &'a Path,
    /// The modules to load after the installation. If empty, those that the DKMS package loads.
    pub load: &'a [String],
    /// While a file below one of these directories is open, a loaded module is not replaced. If
    /// empty, those of the DKMS package.
    pub in_use: &'a [PathBuf],
}

/// Builds the modules and the package, and returns its path.
///
/// # Errors
///
/// Returns a [`Refusal`](crate::kernel::refusal::Refusal) if nothing can be built for the kernel, or
/// an error if a build fails or a module is not signed as requested.
pub fn run(system: &System, request: &Request<'_>) -> Result<PathBuf> {
    let Request { name, version, .. } = request;
    let release = request.release;
    let source = DkmsSource::find(system, name, Some(version)).with_context(|| {
        format!("there is no {name}-{version} in /usr/src; install its DKMS package")
    })?;
    ensure!(
        is_root(),
        "dkms builds as root, so pack has to run as root, too"
    );
    let signing = request
        .key
        .map(|(key, certificate)| SigningKey::of(key, certificate));
    let signing = signing.transpose()?;
    let output = fs::canonicalize(request.output)
        .with_context(|| format!("can't write to {}", request.output.display()))?;
    let plan = Plan::of(system, release)?;
    plan.ready(system, None)
        .with_context(|| format!("{release}: can't prepare its Rust build tree"))?;
    let work = WorkDir::new(&system.cache(), "pack")?;
    let modules = step(&format!("building {name}/{version} for {release}"), || {
        build::modules(system, &source, release, signing.as_ref(), work.path())
    })?;
    let there = Outcomes::load(system, name).unwrap_or_default();
    let deb = deb::Deb {
        system,
        source: &source,
        release,
        modules: &modules,
        rebuild: request.rebuild,
        certificate: signing.as_ref().map(|signing| &*signing.certificate),
        load: if request.load.is_empty() {
            &there.load
        } else {
            request.load
        },
        in_use: if request.in_use.is_empty() {
            &there.in_use
        } else {
            request.in_use
        },
    };
    deb.write(&Stage::new(work.path().join("deb")), &output)
}

/// Returns a field of a package.
///
/// # Errors
///
/// If it is not a package, or does not have the field.
pub fn field(deb: &Path, name: &str) -> Result<String> {
    // The command runs in another directory.
    let full = fs::canonicalize(deb).with_context(|| format!("can't read {}", deb.display()))?;
    let mut ask = Command::new("dpkg-deb");
    ask.arg("--field").arg(full).arg(name);
    let value = answer(&mut ask).unwrap_or_default().trim().to_owned();
    ensure!(!value.is_empty(), "{} has no field {name}", deb.display());
    Ok(value)
}
