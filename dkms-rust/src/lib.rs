// SPDX-License-Identifier: GPL-2.0-only

//! Gives any Rust kernel module a build tree that can build it, on any Debian kernel.
//!
//! Each directory covers one subject. Its first lines say what it contains and which other
//! directories it may use. They are listed here from the lowest to the highest level, and
//! `tests/rooms.rs` checks that each one only uses lower ones.

pub mod system;

pub mod kernel;
pub mod scaffold;

pub mod source;
pub mod toolchain;

pub mod build;

pub mod status;

pub mod package;

pub mod cli;
pub mod commands;
