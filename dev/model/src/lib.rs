// SPDX-License-Identifier: GPL-2.0-only

//! Checks on the host how the driver's open files share messages. Compiles the files of
//! `src/procfs` that need nothing from the kernel, with building blocks that a checker observes.
//!
//! `cargo test -p model` runs the scenarios in every order that loom finds.
//!
//! `cargo miri test -p model` runs them with the standard library's building blocks, in one order
//! per seed. Miri detects each access to freed memory, and each access through a pointer that
//! belongs to another allocation.

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
