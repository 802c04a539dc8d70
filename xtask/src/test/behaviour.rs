// SPDX-License-Identifier: GPL-2.0-only

//! The behaviour suite: each line of the design about reading, writing and the module's life is a
//! case of the `guest` program, run on stock kernels with the modules that the package built.

use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Result, anyhow};

use crate::qemu::Outcome;
use crate::{cargo, small_guest, ui};

use super::Bench;
use super::native::Built;
use super::tally::Tally;

/// Boots a small guest for each kernel, all at once, and counts their cases.
pub fn run(bench: &Bench<'_>, modules: &[Built], tally: &mut Tally) {
    let program = ui::step("build the guest's program", || {
        cargo::static_program(bench.project, "guest")
    });
    let program = match program {
        Ok(program) => program,
        Err(error) => return tally.fail("behaviour/program", &format!("{error:#}")),
    };
    let outcomes = thread::scope(|scope| {
        let program = &program;
        let guests: Vec<_> = modules
            .iter()
            .map(|built| scope.spawn(move || boot(bench, program, built)))
            .collect();
        guests
            .into_iter()
            .map(|guest| guest.join().unwrap_or_else(|_| Err(anyhow!("it panicked"))))
            .collect::<Vec<_>>()
    });
    for release in &bench.releases {
        let suite = format!("behaviour/{release}");
        let place = modules.iter().position(|built| built.release == *release);
        match place.map(|place| &outcomes[place]) {
            Some(Ok((outcome, log))) => tally.guest(&suite, outcome, log),
            Some(Err(error)) => tally.fail(&format!("{suite}/boot"), &format!("{error:#}")),
            None => tally.skip(&suite, "no module was built"),
        }
    }
}

fn boot(bench: &Bench<'_>, program: &Path, built: &Built) -> Result<(Outcome, PathBuf)> {
    let Built {
        release, module, ..
    } = built;
    let name = format!("guest-behaviour-{release}");
    let log = bench.project.log(&name)?;
    let vmlinuz = bench.checks.kernel(release)?;
    let what = format!("run the behaviour suite in a guest with {release}");
    let outcome = ui::step(&what, || {
        let words = "guest=behaviour";
        let on_line = &mut |line: &str| {
            if let Some(case) = line.strip_prefix("CASE ") {
                ui::say(&format!("  {release}: {case}"));
            }
        };
        small_guest::run(
            bench.project,
            &vmlinuz,
            program,
            &[(small_guest::DRIVER, module)],
            words,
            &name,
            on_line,
        )
    })?;
    Ok((outcome, log))
}
