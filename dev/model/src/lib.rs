// SPDX-License-Identifier: GPL-2.0-only

//! How the driver's open files share messages, on the host: the files of `src/procfs` that need
//! nothing of the kernel, between parts that a checker watches.
//!
//! `cargo test -p model` runs the scenarios in every order that loom finds, and `cargo miri test
//! -p model` with the standard library's parts, one order for each seed, where Miri sees each
//! access to memory that is gone or is reached by another's pointer.

#![cfg(test)]
#![allow(unreachable_pub)]

#[path = "../../../src/procfs/newest.rs"]
#[allow(dead_code)]
mod newest;
#[path = "../../../src/procfs/parts.rs"]
mod parts;
#[path = "../../../src/procfs/slot.rs"]
mod slot;

#[cfg(not(miri))]
#[path = "loom_parts.rs"]
mod kit;
#[cfg(miri)]
#[path = "std_parts.rs"]
mod kit;
mod scenarios;
