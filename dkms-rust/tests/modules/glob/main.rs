// SPDX-License-Identifier: GPL-2.0-only

//! Matches on C constants from a glob import.

mod c;
mod family;

use kernel::prelude::*;

module! {
    type: Glob,
    name: "glob",
    description: "Matches on constants of C",
    license: "GPL",
}

struct Glob;

impl kernel::Module for Glob {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let name = family::name;
        pr_info!("2 is {}, 5 is {}, 77 is {}\n", name(2), name(5), name(77));
        Ok(Glob)
    }
}
