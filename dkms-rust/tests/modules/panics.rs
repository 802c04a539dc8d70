// SPDX-License-Identifier: GPL-2.0-only

//! Panics when it is loaded: the kernel crate's handler says why, and stops the loader as a BUG
//! does.

use core::hint::black_box;
use kernel::prelude::*;

module! {
    type: Panics,
    name: "panics",
    description: "Panics when it is loaded",
    license: "GPL",
}

struct Panics;

impl kernel::Module for Panics {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let numbers: &[u8] = black_box(&[1, 2, 3]);
        pr_info!("not reached: {}\n", numbers[black_box(7)]);
        Ok(Self)
    }
}
