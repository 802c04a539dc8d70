// SPDX-License-Identifier: GPL-2.0-only

//! Exports a Rust function.

use kernel::prelude::*;

module! {
    type: Provider,
    name: "exports_provider",
    description: "Exports a function from Rust",
    license: "GPL",
}

struct Provider;

impl kernel::Module for Provider {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        Ok(Provider)
    }
}

/// Returns a product, and logs it under the name of this module.
#[inline(never)]
pub fn times(a: u64, b: u64) -> u64 {
    pr_info!("{} times {}\n", a, b);
    a * b
}
