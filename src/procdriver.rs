// SPDX-License-Identifier: GPL-2.0-only

//! `procDriver`: `/proc/1999_proc/mydrive`, a file that says `Hello`.
//!
//! Loading the module creates the directory and the file in it; unloading removes both. The file's
//! behaviour is in [`mydrive`], and the interface to `/proc` is in [`procfs`].

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

/// The loaded module. The file exists as long as this does.
struct ProcDriver {
    _mydrive: procfs::File<MyDrive>,
}

impl kernel::Module for ProcDriver {
    /// `procDriver_INIT`: creates both entries, or neither.
    // Inlined into the function that the kernel calls, it is freed with that function after loading.
    #[inline(always)]
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let mydrive = procfs::Dir::create(c"1999_proc")
            .and_then(|dir| dir.file(c"mydrive", 0o644, MyDrive::greeting()?, MyDrive::new()?))
            .inspect_err(|_| pr_err!("can't make /proc/1999_proc/mydrive\n"))?;

        pr_info!("loaded: /proc/1999_proc/mydrive\n");
        Ok(Self { _mydrive: mydrive })
    }
}

impl Drop for ProcDriver {
    /// `procDriver_EXIT`: logs this. Dropping the field then removes both entries.
    fn drop(&mut self) {
        pr_info!("unloaded\n");
    }
}
