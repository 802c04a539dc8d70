// SPDX-License-Identifier: GPL-2.0-only

//! The root crate of a module that also has a library crate and a C object.

use core::ffi::c_int;
use core::sync::atomic::Ordering;
use kernel::prelude::*;

module! {
    type: Crates,
    name: "crates",
    description: "Is made of two crates and an object from C",
    license: "GPL",
}

extern "C" {
    fn crates_constant() -> c_int;
}

struct Crates;

impl kernel::Module for Crates {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let squares = shapes::squares(4)?;
        let sum = shapes::sum(&squares);
        let calls = shapes::CALLS.load(Ordering::Relaxed);
        // SAFETY: The function has no arguments and returns a constant.
        let constant = unsafe { crates_constant() };
        pr_info!("squares {:?}, sum {}, calls {}, from C {}\n", &squares[..], sum, calls, constant);
        Ok(Crates)
    }
}
