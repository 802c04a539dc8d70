// SPDX-License-Identifier: GPL-2.0-only

//! Builds the driver and its peers for each kernel, in the same root.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::debian::chroot::Chroot;
use crate::debian::setup::Setup;
use crate::debian::{packaged, warm};
use crate::host::run;
use crate::host::{date, files};

use super::results::{Compilers, Part, Row};

/// Where the sources are in the root.
const PLACE: &str = "/srv/bench";

/// The driver's sources.
const DRIVER: &[&str] = &["Kbuild", "Makefile", "dkms.conf", "src"];

/// The modules, with their names in the results. The driver is first.
pub const MODULES: &[(&str, &str)] = &[
    ("driver", "procDriver"),
    ("floor", "peer_floor"),
    ("plain", "peer_plain"),
    ("seqfile", "peer_seqfile"),
    ("full", "peer_full"),
    ("seqfull", "peer_seqfull"),
];

/// The modules built for a kernel.
pub struct Built {
    /// The kernel's release.
    pub release: String,
    /// The compilers that built them.
    pub compilers: Compilers,
    /// The date of the build.
    pub date: String,
    /// The modules in the order of [`MODULES`], unsigned and without debug information.
    pub modules: Vec<Vec<u8>>,
}

impl Built {
    /// Returns a row without values.
    pub fn row(&self, part: Part, name: &str, unit: &str) -> Row {
        Row {
            part,
            name: name.to_owned(),
            unit: unit.to_owned(),
            kernel: self.release.clone(),
            compiler: self.compilers.clone(),
            date: self.date.clone(),
            ours: None,
            peers: BTreeMap::new(),
            ratio: BTreeMap::new(),
        }
    }
}

/// Builds all modules for each kernel.
pub fn all(setup: &Setup<'_>, caches: &[PathBuf]) -> Result<Vec<Built>> {
    let log = setup.project.log("bench-build")?;
    let chroot = packaged::with_dkms_rust(setup.project, &setup.checks, &setup.repo, &log)?;
    for cache in caches {
        warm::fill(&chroot, cache)?;
    }
    let releases = setup.releases.iter();
    releases
        .map(|release| one(setup, &chroot, release, &log))
        .collect()
}

fn one(setup: &Setup<'_>, chroot: &Chroot, release: &str, log: &Path) -> Result<Built> {
    let source = &setup.project.source;
    let place = chroot.path().join(PLACE.trim_start_matches('/'));
    let place = place.join(release);
    let driver = place.join("driver");
    files::make_dir(&driver)?;
    for file in DRIVER {
        run::copy_all(&source.join(file), &driver.join(file))?;
    }
    run::copy_all(&source.join("dev/peers"), &place.join("peers"))?;
    // dkms strips modules too. This also removes the driver's signature, which no peer has.
    let line = format!(
        "cd '{PLACE}/{release}' && (cd driver && dkms-rust make -k '{release}') && \
         make -C '/lib/modules/{release}/build' M='{PLACE}/{release}/peers' modules && \
         strip -g */*.ko"
    );
    chroot.sh(&line).log(log).run()?;
    let kept = setup.project.product(&format!("bench/{release}"))?;
    let modules = MODULES.iter().map(|(_, module)| {
        let folder = if *module == MODULES[0].1 {
            "driver"
        } else {
            "peers"
        };
        let path = place.join(folder).join(format!("{module}.ko"));
        // Keep the module for inspection: `objdump -dr` shows where the instructions are.
        let kept = kept.join(format!("{module}.ko"));
        files::copy(&path, &kept)?;
        files::bytes(&path)
    });
    Ok(Built {
        release: release.to_owned(),
        compilers: compilers(chroot, release)?,
        date: date::today()?,
        modules: modules.collect::<Result<_>>()?,
    })
}

fn compilers(chroot: &Chroot, release: &str) -> Result<Compilers> {
    // Such as `rustc 1.85.1 (4eb161250 2025-03-15) (...)`.
    let rustc = packaged::check(chroot, release)?.rustc;
    let rustc = rustc.as_deref().and_then(|text| text.split(' ').nth(1));
    Ok(Compilers {
        gcc: packaged::gcc(chroot, release).context("the kernel names no compiler")?,
        rustc: rustc.context("dkms-rust names no rustc")?.to_owned(),
    })
}
