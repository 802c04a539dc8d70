// SPDX-License-Identifier: GPL-2.0-only

//! Gives any Rust kernel module a build tree that can build it.

fn main() {}
