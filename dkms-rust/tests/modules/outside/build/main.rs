// SPDX-License-Identifier: GPL-2.0-only

//! A module with code outside of the directory in which it is built.

#[path = "../src/lines.rs"]
mod lines;

use kernel::prelude::*;

module! {
    type: Outside,
    name: "outside",
    description: "Has its code elsewhere",
    license: "GPL",
}

struct Outside;

impl kernel::Module for Outside {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        pr_info!("{}\n", lines::LINE);
        Ok(Outside)
    }
}
