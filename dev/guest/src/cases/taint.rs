// SPDX-License-Identifier: GPL-2.0-only

//! The kernel's taint after the whole suite.

use anyhow::ensure;

use crate::cases::Case;
use crate::cases::Context;
use crate::sys;

pub const CASES: &[Case] = &[Case::any("kernel-not-tainted", kernel_not_tainted)];

/// Taint flags that nothing here may set: proprietary module, forced load, forced unload, machine
/// check, bad page, oops, warning, soft lockup. An unsigned out-of-tree module sets others.
pub const FORBIDDEN: u64 = 1 | 1 << 1 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 7 | 1 << 9 | 1 << 14;

fn kernel_not_tainted(context: &Context) -> anyhow::Result<()> {
    let taint = sys::taint()?;
    let wrong = taint & FORBIDDEN & !context.excused_taint;
    ensure!(
        wrong == 0,
        "/proc/sys/kernel/tainted is {taint}, of which {wrong} may not be"
    );
    Ok(())
}
