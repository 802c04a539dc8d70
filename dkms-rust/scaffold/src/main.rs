// SPDX-License-Identifier: GPL-2.0-only

//! The module `@MODULE@`. It provides the device `/dev/@MODULE@`, from which a greeting can be
//! read.
//!
//! Loading the module creates the device, and unloading it removes the device. See [`misc`] for the
//! implementation of the device.

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

/// The name of the device in `/dev`.
const NAME: &CStr = c"@MODULE@";

/// The text that a reader gets.
const TEXT: &[u8] = b"Hello from @MODULE@\n";

/// The state of the loaded module. The device exists as long as this value does.
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
