// SPDX-License-Identifier: GPL-2.0-only

//! Measurements in a running kernel: boots the small guest, and reads its results.

use std::path::Path;
use std::thread;

use anyhow::{Context, Result, anyhow, bail};

use crate::debian::setup::Setup;
use crate::guest::machine::Pace;
use crate::guest::outcome::{End, Outcome, show_cases};
use crate::guest::{problems, small_guest};
use crate::host::ui;

use super::build::{Built, MODULES};
use super::results::{Part, Row, Value};

/// The start of a result line: `BENCH <measure> <module> <value of a round>...`.
const MARK: &str = "BENCH ";

/// Kernel parameters that make kernels comparable: the same code at the same addresses.
const SAME: &str = "mitigations=off nokaslr";

/// Emulated processors that run in parallel do not always boot.
const TRIES: usize = 4;

/// Counts instructions on each kernel. The guests run in parallel: instruction counts do not depend
/// on how long they take.
pub fn instructions(setup: &Setup<'_>, program: &Path, built: &[Built]) -> Result<Vec<Row>> {
    thread::scope(|scope| {
        let guests: Vec<_> = built
            .iter()
            .map(|built| scope.spawn(|| boot(setup, program, built, Part::Instructions)))
            .collect();
        let mut rows = Vec::new();
        for guest in guests {
            rows.extend(guest.join().map_err(|_| anyhow!("a guest panicked"))??);
        }
        Ok(rows)
    })
}

/// Counts reads per second on one kernel.
pub fn throughput(setup: &Setup<'_>, program: &Path, built: &Built) -> Result<Vec<Row>> {
    boot(setup, program, built, Part::Throughput)
}

fn boot(setup: &Setup<'_>, program: &Path, built: &Built, part: Part) -> Result<Vec<Row>> {
    let suite = part.name();
    let files: Vec<String> = MODULES
        .iter()
        .map(|(_, module)| format!("{module}.ko"))
        .collect();
    let modules: Vec<(&str, &[u8])> = files
        .iter()
        .zip(&built.modules)
        .map(|(name, module)| (name.as_str(), module.as_slice()))
        .collect();
    let kernel = setup.checks.kernel(&built.release)?;
    let words = format!("guest=bench-{suite} {SAME}");
    let name = format!("bench-{suite}-{}", built.release);
    let (mut vm, _work) =
        small_guest::prepare(setup.project, &kernel, program, &modules, &words, &name)?;
    if part == Part::Instructions {
        vm.pace = Pace::Counted;
        vm.processors = 1;
    } else {
        vm.pace = Pace::Parallel;
    }
    let what = format!("measure {suite} on {}", built.release);
    let outcome = ui::step(&what, || {
        let mut tries = 1;
        loop {
            let outcome = vm.run(&mut show_cases(&built.release))?;
            if outcome.end == End::Finished || tries == TRIES {
                return Ok::<Outcome, anyhow::Error>(outcome);
            }
            ui::say("  the guest did not come to its end; again ...");
            tries += 1;
        }
    })?;
    let problems = problems::of(&outcome);
    if !problems.is_empty() {
        bail!("{what}: {}", problems.join("; "));
    }
    rows(&outcome.console, |measure| {
        built.row(part, measure, unit(measure))
    })
}

fn unit(measure: &str) -> &'static str {
    match measure {
        "module-memory" => "bytes",
        _ if measure.starts_with("reads-") => "reads/s",
        _ => "instructions",
    }
}

/// Returns a row for each measure on the console.
fn rows(console: &str, new: impl Fn(&str) -> Row) -> Result<Vec<Row>> {
    let mut rows: Vec<Row> = Vec::new();
    for line in console.lines().filter_map(|line| line.strip_prefix(MARK)) {
        let (measure, module, value) =
            parse(line).with_context(|| format!("the guest said `{line}`"))?;
        if rows.last().is_none_or(|row| row.name != measure) {
            rows.push(new(measure));
        }
        if let Some(row) = rows.last_mut() {
            row.add(module, value);
        }
    }
    Ok(rows)
}

fn parse(line: &str) -> Option<(&str, &str, Value)> {
    let mut words = line.split(' ');
    let (measure, module) = (words.next()?, words.next()?);
    let values: Option<Vec<f64>> = words.map(|word| word.parse().ok()).collect();
    Some((measure, module, Value::of(&values?)?))
}
