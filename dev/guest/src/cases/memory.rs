// SPDX-License-Identifier: GPL-2.0-only

//! Runs after other suites, with the driver unloaded: checks that they lost no memory.

use anyhow::Context as _;
use anyhow::ensure;

use crate::cases::Case;
use crate::cases::Context;
use crate::kmemleak;
use crate::kmsg;

pub const CASES: &[Case] = &[Case::absent("no-memory-is-lost", no_memory_is_lost).within(600)];

fn no_memory_is_lost(_: &Context) -> anyhow::Result<()> {
    let lost = kmemleak::lost().context("looking for lost memory")?;
    for line in lost.iter().flat_map(|record| record.lines()) {
        kmsg::say(&format!("guest: {line}"));
    }
    ensure!(
        lost.is_empty(),
        "{} objects are lost, the first: {}",
        lost.len(),
        lost[0]
    );
    Ok(())
}
