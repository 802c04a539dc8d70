// SPDX-License-Identifier: GPL-2.0-only

//! `@MODULE@`: `/dev/@MODULE@`, a device that says hello to whoever reads it.
//!
//! Loading makes the device, unloading removes it. How a device comes to be in `/dev` is in
//! [`misc`].

#![deny(unsafe_code)]

use core::ffi::CStr;
use kernel::prelude::*;

mod misc;
mod modinfo;

module! {
    type: @TYPE@,
    name: "@MODULE@",
    description: "A device that says hello",
    license: "GPL",
}

/// The device in `/dev`.
const NAME: &CStr = c"@MODULE@";

/// What it says.
const TEXT: &[u8] = b"Hello from @MODULE@\n";

/// The loaded module: as long as this is, the device is there.
struct @TYPE@ {
    _device: misc::Device,
}

impl kernel::Module for @TYPE@ {
    fn init(module: &'static ThisModule) -> Result<Self> {
        let device = misc::Device::register(module, NAME, TEXT)?;
        pr_info!("loaded: /dev/@MODULE@\n");
        Ok(Self { _device: device })
    }
}

impl Drop for @TYPE@ {
    fn drop(&mut self) {
        pr_info!("unloaded\n");
    }
}
