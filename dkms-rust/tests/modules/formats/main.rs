// SPDX-License-Identifier: GPL-2.0-only

//! Passes text that Rust formats to each C function that the `kernel` crate uses for this: the
//! printk functions, with and without a device, and the one for sequential files.
//!
//! Needs a kernel whose `miscdevice` has `show_fdinfo`.

use kernel::device::Device;
use kernel::fmt;
use kernel::fs::File;
use kernel::miscdevice::{MiscDevice, MiscDeviceOptions, MiscDeviceRegistration};
use kernel::prelude::*;
use kernel::seq_file::SeqFile;
use kernel::seq_print;
use kernel::sync::aref::ARef;

module! {
    type: Formats,
    name: "formats",
    description: "Formats by Rust in all ways",
    license: "GPL",
}

/// A value that this module's own code formats.
struct Reversed(&'static str);

impl fmt::Display for Reversed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().rev().try_for_each(|c| write!(f, "{c}"))
    }
}

#[pin_data]
struct Formats {
    #[pin]
    _device: MiscDeviceRegistration<Opened>,
}

impl kernel::InPlaceModule for Formats {
    fn init(_module: &'static ThisModule) -> impl PinInit<Self, Error> {
        pr_info!("{} {:>5} {:#x}\n", Reversed("ktnirp"), -42, 255);
        let options = MiscDeviceOptions { name: c"formats" };
        try_pin_init!(Self {
            _device <- MiscDeviceRegistration::register(options),
        })
    }
}

/// An open file.
struct Opened {
    device: ARef<Device>,
}

#[vtable]
impl MiscDevice for Opened {
    type Ptr = KBox<Self>;

    fn open(_file: &File, misc: &MiscDeviceRegistration<Self>) -> Result<KBox<Self>> {
        let device = ARef::from(misc.device());
        dev_info!(device, "{} {:>5} {:#x}\n", Reversed("ecived"), -42, 255);
        Ok(KBox::new(Self { device }, GFP_KERNEL)?)
    }

    fn show_fdinfo(opened: &Self, file: &SeqFile, _: &File) {
        seq_print!(file, "{} {:>5} {:#x}\n", Reversed("elif"), -42, 255);
        // This is longer than a page, so the kernel calls the function again with a larger buffer.
        for number in 0..600 {
            seq_print!(file, "line {number:04}\n");
        }
        dev_warn!(opened.device, "{} lines\n", 600);
    }
}
