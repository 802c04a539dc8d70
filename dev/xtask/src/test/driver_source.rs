// SPDX-License-Identifier: GPL-2.0-only

//! Tests the driver's source and Makefile as a developer uses them. The cases are in
//! `cases/driver_source.rs`.

use std::path::Path;

use anyhow::Result;

use crate::debian::chroot::Chroot;
use crate::debian::setup::Setup;
use crate::debian::warm;
use crate::host::run;
use crate::test::cases::driver_source::{CASES, Case};

use super::tally::Tally;

/// Where the source is in the root.
const PLACE: &str = "/srv/driver/source";

/// The driver's sources.
const FILES: &[&str] = &["Kbuild", "Makefile", "dkms.conf", "src"];

/// Runs the cases in sequence: each works on the result of the previous one.
pub fn run(setup: &Setup<'_>, warm: &Path, tally: &mut Tally) {
    tally.cases("driver", "the driver's Makefile", |tally| {
        let chroot = open(setup, warm)?;
        for case in CASES {
            tally.case(&format!("driver/{}", case.name), || {
                one(setup, &chroot, case)
            });
        }
        Ok(())
    });
}

fn open(setup: &Setup<'_>, warm: &Path) -> Result<Chroot> {
    let log = setup.project.log("driver-source")?;
    let chroot = warm::root(setup.project, &setup.checks, &setup.repo, &[warm], &log)?;
    chroot.sh(&format!("mkdir -p {PLACE}")).run()?;
    let place = chroot.path().join(PLACE.trim_start_matches('/'));
    for file in FILES {
        run::copy_all(&setup.project.source.join(file), &place.join(file))?;
    }
    let line = format!("cd {PLACE} && find . -type f | sort > ../files");
    chroot.sh(&line).run()?;
    Ok(chroot)
}

fn one(setup: &Setup<'_>, chroot: &Chroot, case: &Case) -> Result<()> {
    let line = format!(
        "cd {PLACE} && export KVER='{}' && {}",
        setup.base.release, case.command
    );
    let log = setup.project.log("driver-source")?;
    let output = chroot.sh(&line).log(&log).run()?;
    case.judge(&output)
}
