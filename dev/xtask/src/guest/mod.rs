// SPDX-License-Identifier: GPL-2.0-only

//! Guests in QEMU: what they boot from, what they run, and their console output. May use `debian`,
//! `package` and `host`.

pub mod complaints;
pub mod console;
pub mod cpio;
pub mod firmware;
pub mod full_guest;
pub mod image;
pub mod machine;
pub mod outcome;
pub mod problems;
pub mod process;
pub mod qemu;
pub mod secure_boot;
pub mod serial;
pub mod small_guest;
