// SPDX-License-Identifier: GPL-2.0-only

//! Uses an optional part of the `kernel` crate.

use kernel::firmware::Firmware;
use kernel::prelude::*;

module! {
    type: UsesFirmware,
    name: "firmware",
    description: "Uses an optional part of the kernel crate",
    license: "GPL",
}

struct UsesFirmware;

impl kernel::Module for UsesFirmware {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        pr_info!("{} bytes\n", core::mem::size_of::<Firmware>());
        Ok(UsesFirmware)
    }
}
