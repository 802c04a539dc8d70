// SPDX-License-Identifier: GPL-2.0-only

//! Calls C functions of this module that are named like the kernel's helpers.

use core::ffi::{c_uint, c_ulong};
use kernel::prelude::*;

module! {
    type: OwnHelpers,
    name: "own_helpers",
    description: "Has helpers of its own",
    license: "GPL",
}

extern "C" {
    #[link_name = "rust_helper_pages_to_bytes"]
    fn pages_to_bytes(pages: c_uint) -> c_ulong;
    fn rust_helper_is_odd(number: c_uint) -> bool;
}

struct OwnHelpers;

impl kernel::Module for OwnHelpers {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        // SAFETY: Both are plain functions of this module that accept any number.
        let (bytes, odd) = unsafe { (pages_to_bytes(2), rust_helper_is_odd(3)) };
        let parity = if odd { "odd" } else { "even" };
        pr_info!("2 pages are {} bytes, 3 is {}\n", bytes, parity);
        Ok(OwnHelpers)
    }
}
