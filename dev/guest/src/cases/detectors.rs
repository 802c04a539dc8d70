// SPDX-License-Identifier: GPL-2.0-only

//! Checks that a debug kernel detects mistakes: loads a module that makes them, and looks for the
//! kernel's reports. Without this, the kernel's silence about the driver would prove nothing.

use anyhow::Context as _;
use anyhow::ensure;

use crate::cases::Case;
use crate::kmemleak;
use crate::kmsg::Cursor;
use crate::module;

/// In an order in which all can be detected: a report about memory or locks turns lockdep off.
pub const CASES: &[Case] = &[
    Case::any("detects-sleep-while-atomic", |_| {
        reported(1, "BUG: sleeping function called from invalid context")
    })
    .warns(),
    Case::any("detects-shift-too-far", |_| {
        reported(2, "UBSAN: shift-out-of-bounds")
    })
    .warns(),
    Case::any("detects-free-of-a-set-timer", |_| {
        reported(3, "ODEBUG: free active")
    })
    .warns(),
    Case::any("detects-data-race", |_| {
        reported(4, "BUG: KCSAN: data-race in change")
    })
    .warns(),
    Case::any("detects-lost-memory", |_| lost_memory()),
    Case::any("detects-locks-in-both-orders", |_| {
        reported(6, "possible circular locking dependency")
    })
    .warns(),
    Case::any("detects-use-after-free", |_| {
        reported(7, "BUG: KASAN: slab-use-after-free")
    })
    .warns(),
];

/// The name of the module that makes mistakes.
const NAME: &str = "faulty";

/// Loads the module, which makes the mistake with this number.
fn make(mistake: u32) -> anyhow::Result<()> {
    let file = "/faulty.ko";
    module::load_file_with(file.as_ref(), &format!("mistake={mistake}"))
        .with_context(|| format!("loading {file} with mistake {mistake}"))
}

fn clean_up() -> anyhow::Result<()> {
    module::unload(NAME).with_context(|| format!("unloading {NAME}"))
}

fn reported(mistake: u32, says: &str) -> anyhow::Result<()> {
    let mut log = Cursor::at_end()?;
    make(mistake)?;
    clean_up()?;
    let records = log.new_records()?;
    ensure!(
        records.iter().any(|record| record.text.contains(says)),
        "the kernel does not say {says:?} but {records:?}"
    );
    Ok(())
}

fn lost_memory() -> anyhow::Result<()> {
    kmemleak::forget()?;
    make(5)?;
    let lost = kmemleak::lost()?;
    clean_up()?;
    // Only while the module is loaded does the backtrace contain its name.
    ensure!(
        lost.iter().any(|record| record.contains("[faulty]")),
        "not among what the kernel says is lost: {lost:?}"
    );
    Ok(())
}
