// SPDX-License-Identifier: GPL-2.0-only

//! The cost of loading and unloading, and the memory that a loaded module takes.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use anyhow::Context as _;
use nix::time::ClockId;
use nix::time::clock_gettime;

use super::Measure;
use super::in_turns;
use super::say;
use super::subjects::SUBJECTS;
use super::subjects::bring_all;
use crate::module;

const ROUNDS: usize = 11;

/// The measure that has to run before all others.
pub const SETTLE: &str = "settle";

/// The measures. `settle` is the first in the suite, so that the others wait for it.
pub const MEASURES: &[Measure] = &[
    (SETTLE, settle),
    ("load", load),
    ("unload", unload),
    ("module-memory", memory),
];

/// Waits: the kernel's own threads go on booting for a while after init has started.
fn settle() -> anyhow::Result<()> {
    sleep(Duration::from_secs(20));
    Ok(())
}

/// Returns the instructions of this thread in `body`, in a guest where a nanosecond is an
/// instruction.
pub fn instructions(body: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<f64> {
    let now = || clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).context("asking for our time");
    let begin = now()?;
    body()?;
    let end = now()?;
    Ok(Duration::from(end - begin).as_nanos() as f64)
}

fn load() -> anyhow::Result<()> {
    in_turns(
        "load",
        ROUNDS,
        |_| true,
        |subject| {
            let image = subject.image()?;
            subject.take_away()?;
            instructions(|| module::load_image(&image).context("loading"))
        },
    )
}

fn unload() -> anyhow::Result<()> {
    in_turns(
        "unload",
        ROUNDS,
        |_| true,
        |subject| {
            subject.take_away()?;
            module::load_image(&subject.image()?).context("loading")?;
            instructions(|| module::unload(subject.module).context("unloading"))
        },
    )
}

/// Reports the size of each module according to `/proc/modules`, in bytes.
fn memory() -> anyhow::Result<()> {
    bring_all(crate::drive::GREETING.len())?;
    let table = fs::read_to_string("/proc/modules").context("reading /proc/modules")?;
    for subject in SUBJECTS {
        let bytes = table
            .lines()
            .find_map(|line| line.strip_prefix(subject.module)?.strip_prefix(' '))
            .and_then(|rest| rest.split(' ').next()?.parse().ok())
            .with_context(|| format!("/proc/modules has no size of {}", subject.module))?;
        say("module-memory", subject.name, &[bytes]);
    }
    Ok(())
}
