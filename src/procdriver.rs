// SPDX-License-Identifier: GPL-2.0-only

//! `procDriver`: `/proc/1999_proc/mydrive`, a file that says `Hello`.
//!
//! Loading makes the directory and the file in it, unloading removes both. What the file does is
//! in [`mydrive`]; how a file comes to be in `/proc` is in [`procfs`].

#![deny(unsafe_code)]

use kernel::prelude::*;

mod compat;
mod message;
mod modinfo;
mod mydrive;
mod procfs;

use mydrive::MyDrive;

module! {
    type: ProcDriver,
    name: "procDriver",
    description: "A file in /proc that says Hello",
    license: "GPL",
}

/// The loaded module: as long as this is, the file is there.
struct ProcDriver {
    _mydrive: procfs::File<MyDrive>,
}

impl kernel::Module for ProcDriver {
    /// `procDriver_INIT`: makes both entries, or neither.
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let mydrive = procfs::Dir::create(c"1999_proc")
            .and_then(|dir| dir.file(c"mydrive", 0o644, MyDrive::greeting()?, MyDrive::new()?))
            .inspect_err(|_| pr_err!("can't make /proc/1999_proc/mydrive\n"))?;

        pr_info!("loaded: /proc/1999_proc/mydrive\n");
        Ok(Self { _mydrive: mydrive })
    }
}

impl Drop for ProcDriver {
    /// `procDriver_EXIT`: says so; both entries go with the field.
    fn drop(&mut self) {
        pr_info!("unloaded\n");
    }
}
