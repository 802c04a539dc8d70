// SPDX-License-Identifier: GPL-2.0-only

//! Uses the `Default` of a C structure. The symbol's name contains a number that counts all items.

use kernel::bindings;
use kernel::prelude::*;

module! {
    type: TakesDefault,
    name: "default",
    description: "Takes the Default of a C structure",
    license: "GPL",
}

struct TakesDefault;

impl kernel::Module for TakesDefault {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let operations = bindings::file_operations::default();
        let flags = operations.fop_flags;
        pr_info!("open is none: {}, {}\n", operations.open.is_none(), flags);
        Ok(TakesDefault)
    }
}
