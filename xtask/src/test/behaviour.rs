// SPDX-License-Identifier: GPL-2.0-only

//! The behaviour suite: each line of the design about reading, writing and the module's life is a
//! case of the `guest` program, run on the stock kernel with the module that the package built.

use anyhow::Result;

use crate::qemu::Outcome;
use crate::{cargo, small_guest, ui};

use super::Bench;
use super::tally::Tally;

/// Boots the small guest and counts its cases.
pub fn run(bench: &Bench<'_>, module: &[u8], tally: &mut Tally) {
    match boot(bench, module) {
        Ok((outcome, log)) => tally.guest("behaviour", &outcome, &log),
        Err(error) => tally.fail("behaviour/boot", &format!("{error:#}")),
    }
}

fn boot(bench: &Bench<'_>, module: &[u8]) -> Result<(Outcome, std::path::PathBuf)> {
    let program = ui::step("build the guest's program", || {
        cargo::static_program(bench.project, "guest")
    })?;
    let log = bench.project.log(small_guest::LOG)?;
    let outcome = ui::step("run the behaviour suite in a guest", || {
        let words = "guest=behaviour";
        small_guest::run(
            bench.project,
            &bench.base,
            &program,
            module,
            words,
            &mut |line| {
                if let Some(case) = line.strip_prefix("CASE ") {
                    ui::say(&format!("  {case}"));
                }
            },
        )
    })?;
    Ok((outcome, log))
}
