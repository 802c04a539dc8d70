// SPDX-License-Identifier: GPL-2.0-only

//! The init of the test guest. It contains the test suites for `/proc/1999_proc/mydrive` and for
//! dkms-rust, and a benchmark.
//!
//! It is one static program. As process 1 of a small initramfs it sets up the system, runs the
//! suites that the kernel command line names (`guest=behaviour`, `guest=foreign`,
//! `guest=bench-...`), reports on the console how each case ended, and restarts, which ends the
//! virtual machine. Outside a guest it only lists its cases, because the cases load kernel modules.

mod bench;
mod boot;
mod cases;
mod check;
mod drive;
mod faults;
mod i386;
mod image;
mod kmemleak;
mod kmsg;
mod model;
mod module;
mod options;
mod process;
mod random;
mod report;
mod runner;
mod sealed;
mod slab;
mod sys;
mod userfault;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;

use crate::cases::Case;
use crate::cases::Context;
use crate::cases::taint::FORBIDDEN;
use crate::options::Options;
use crate::report::Tally;
use crate::report::Verdict;

/// The path of the driver in the initramfs.
const DRIVER: &str = "/procDriver.ko";

fn main() -> ExitCode {
    let argument = std::env::args().nth(1);
    if argument.as_deref() == Some("--list") {
        for case in cases::all() {
            println!("{}", case.name);
        }
        return ExitCode::SUCCESS;
    }
    if std::process::id() != 1 {
        eprintln!(
            "guest: this is the init of a test guest and runs as process 1 only; \
             `guest --list` prints its cases"
        );
        return ExitCode::from(2);
    }
    if let Err(error) = init() {
        // Without a `GUEST end` line the run counts as failed.
        report::say(&format!(
            "GUEST error {}",
            report::one_line(&format!("{error:#}"))
        ));
    }
    // `end` returns only if the kernel refuses. Then init exits and the kernel panics, which ends
    // the guest as well.
    eprintln!("guest: restart refused: {}", boot::end());
    ExitCode::FAILURE
}

/// Sets up the system and runs what the command line asks for.
fn init() -> anyhow::Result<()> {
    boot::prepare()?;
    let line = std::fs::read_to_string("/proc/cmdline").context("reading /proc/cmdline")?;
    let options = Options::from_command_line(&line)?;
    boot::load_helpers("/modules".as_ref())?;
    let mut names = options.suites.iter();
    if let Some(done) = names.find_map(|name| bench::run(name, &options)) {
        return done;
    }
    let suites = options.suites.iter().map(|name| cases::suite(name));
    let suites = suites.collect::<anyhow::Result<Vec<_>>>()?;
    run(suites.iter().flat_map(|suite| suite.cases()), &options)
}

/// Runs every case that the options select, in the given order.
fn run(cases: impl Iterator<Item = &'static Case>, options: &Options) -> anyhow::Result<()> {
    report::say(&report::begin(&sys::kernel_release()?));
    let mut context = Context {
        driver: PathBuf::from(DRIVER),
        rounds: options.rounds,
        stress: Duration::from_secs(options.seconds),
        random: Duration::from_secs(options.random),
        seed: options.seed,
        excused_taint: 0,
    };
    let mut tally = Tally::default();
    for case in cases.filter(|case| options.wants(case.name)) {
        kmsg::say(&format!("guest: case {}", case.name));
        let before = sys::taint()?;
        let mut verdict = runner::run(case, &context, options.patience);
        let new = sys::taint()? & !before & FORBIDDEN;
        if case.may_warn {
            context.excused_taint |= new;
        } else if new != 0 && verdict == Verdict::Passed {
            verdict = Verdict::Failed(format!("the kernel complained: new taint bits {new}"));
        }
        tally.count(&verdict);
        report::say(&report::case(case.name, &verdict));
    }
    report::say(&format!("GUEST taint {}", sys::taint()?));
    report::say(&tally.end());
    Ok(())
}
