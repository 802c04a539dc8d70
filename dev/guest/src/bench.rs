// SPDX-License-Identifier: GPL-2.0-only

//! The benchmark: the driver and its peers in C, loaded together and measured in turn.
//!
//! For each measure and module it prints the results of all rounds on the console; the host
//! computes the medians. There are two suites:
//!
//! - `bench-instructions` needs a guest with one processor in which a nanosecond is an instruction
//!   (QEMU's `-icount shift=0`), and counts the instructions of a call by its CPU time.
//! - `bench-throughput` needs two processors, and counts the reads that complete in a fixed time.

mod calls;
mod life;
mod subjects;
mod throughput;

use crate::options::Options;
use crate::report;
use crate::report::Tally;
use crate::report::Verdict;
use crate::sys;

use subjects::SUBJECTS;
use subjects::Subject;

/// A measure: its name (lower-case words joined by dashes), and the function that takes it.
type Measure = (&'static str, fn() -> anyhow::Result<()>);

/// Runs the benchmark suite of this name, if there is one.
pub fn run(suite: &str, options: &Options) -> Option<anyhow::Result<()>> {
    match suite {
        "bench-instructions" => Some(all(life::MEASURES.iter().chain(calls::MEASURES), options)),
        "bench-throughput" => Some(all(throughput::MEASURES.iter(), options)),
        _ => None,
    }
}

fn all<'a>(measures: impl Iterator<Item = &'a Measure>, options: &Options) -> anyhow::Result<()> {
    report::say(&report::begin(&sys::kernel_release()?));
    let mut tally = Tally::default();
    let wanted = |name| options.wants(name) || name == life::SETTLE;
    for (name, measure) in measures.filter(|(name, _)| wanted(name)) {
        let verdict = match measure() {
            Ok(()) => Verdict::Passed,
            Err(error) => Verdict::Failed(format!("{error:#}")),
        };
        tally.count(&verdict);
        report::say(&report::case(name, &verdict));
    }
    report::say(&tally.end());
    Ok(())
}

/// Takes several rounds of a measure and reports the result of each. Every round measures all the
/// wanted modules in turn.
fn in_turns(
    measure: &str,
    rounds: usize,
    wanted: impl Fn(&Subject) -> bool,
    mut round: impl FnMut(&Subject) -> anyhow::Result<f64>,
) -> anyhow::Result<()> {
    let subjects: Vec<&Subject> = SUBJECTS.iter().filter(|subject| wanted(subject)).collect();
    let mut values = vec![Vec::new(); subjects.len()];
    // Round 0 only warms up.
    for number in 0..=rounds {
        for (subject, values) in subjects.iter().zip(&mut values) {
            let value = round(subject)?;
            if number > 0 {
                values.push(value);
            }
        }
    }
    for (subject, values) in subjects.iter().zip(&values) {
        say(measure, subject.name, values);
    }
    Ok(())
}

fn say(measure: &str, subject: &str, values: &[f64]) {
    let values: Vec<String> = values.iter().map(|value| format!("{value:.1}")).collect();
    report::say(&format!("BENCH {measure} {subject} {}", values.join(" ")));
}
