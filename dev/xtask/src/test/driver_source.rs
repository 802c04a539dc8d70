// SPDX-License-Identifier: GPL-2.0-only

//! The driver's source and its Makefile, as a developer uses them. The cases are data, in
//! `cases/driver_source.rs`.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::cases::driver_source::{CASES, Case};
use crate::chroot::Chroot;
use crate::run::Cmd;
use crate::{ui, warm};

use super::Bench;
use super::tally::Tally;

/// Where the source is in the root.
const PLACE: &str = "/srv/driver/source";

/// What the driver is built from.
const FILES: &[&str] = &["Kbuild", "Makefile", "dkms.conf", "src"];

/// Runs the cases, each on what the one before left.
pub fn run(bench: &Bench<'_>, warm: &Path, tally: &mut Tally) {
    let done = ui::step("the driver's Makefile", || {
        let chroot = open(bench, warm)?;
        for case in CASES {
            tally.case(&format!("driver/{}", case.name), || {
                one(bench, &chroot, case)
            });
        }
        Ok::<_, anyhow::Error>(())
    });
    if let Err(error) = done {
        tally.fail("driver", &format!("{error:#}"));
    }
}

fn open(bench: &Bench<'_>, warm: &Path) -> Result<Chroot> {
    let log = bench.project.log("driver-source")?;
    let chroot = warm::with_dkms_rust(bench.project, &bench.checks, &bench.repo, &log)?;
    warm::fill(&chroot, warm)?;
    chroot.sh(&format!("mkdir -p {PLACE}")).run()?;
    let place = chroot.path().join(PLACE.trim_start_matches('/'));
    for file in FILES {
        Cmd::new("cp")
            .arg("-a")
            .arg(bench.project.source.join(file))
            .arg(&place)
            .run()?;
    }
    let line = format!("cd {PLACE} && find . -type f | sort > ../files");
    chroot.sh(&line).run()?;
    Ok(chroot)
}

fn one(bench: &Bench<'_>, chroot: &Chroot, case: &Case) -> Result<()> {
    let line = format!(
        "cd {PLACE} && export KVER='{}' && {}",
        bench.base.release, case.command
    );
    let log = bench.project.log("driver-source")?;
    let output = chroot.sh(&line).log(&log).run()?;
    output
        .must_say(case.says)
        .with_context(|| format!("`{}`", case.command))?;
    let text = &output.text;
    ensure!(
        !(case.no_warning && text.contains("warning")),
        "`{}` warned: {}",
        case.command,
        text.trim_end()
    );
    Ok(())
}
