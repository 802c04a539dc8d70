// SPDX-License-Identifier: GPL-2.0-only

//! Exports a Rust function to a module that is built elsewhere.

use kernel::prelude::*;

module! {
    type: Provider,
    name: "apart_provider",
    description: "Exports a function from Rust",
    license: "GPL",
}

struct Provider;

impl kernel::Module for Provider {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        Ok(Provider)
    }
}

/// Returns twice the number.
#[inline(never)]
pub fn doubled(number: u32) -> u32 {
    pr_info!("doubles {}\n", number);
    number * 2
}
