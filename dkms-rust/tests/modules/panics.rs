// SPDX-License-Identifier: GPL-2.0-only

//! Panics when it is loaded. The kernel crate's panic handler logs the reason, and stops the
//! process that loads the module, like `BUG()`.

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
