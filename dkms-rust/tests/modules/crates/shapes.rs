// SPDX-License-Identifier: GPL-2.0-only

//! A library crate within the module.

use core::sync::atomic::{AtomicU32, Ordering};
use kernel::prelude::*;

const __LOG_PREFIX: &[u8] = b"crates\0";

/// Counts the calls of this library's functions.
pub static CALLS: AtomicU32 = AtomicU32::new(0);

/// Returns the first squares.
#[inline(never)]
pub fn squares(count: u32) -> Result<KVec<u32>> {
    CALLS.fetch_add(1, Ordering::Relaxed);
    pr_info!("a library of the module says {}\n", count + 1);
    let mut squares = KVec::new();
    for number in 0..count {
        squares.push(number * number, GFP_KERNEL)?;
    }
    Ok(squares)
}

/// Returns a sum. The crate that uses this generic function compiles it.
pub fn sum<T: Copy + Into<u64>>(numbers: &[T]) -> u64 {
    CALLS.fetch_add(1, Ordering::Relaxed);
    numbers.iter().map(|number| (*number).into()).sum()
}
