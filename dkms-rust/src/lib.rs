// SPDX-License-Identifier: GPL-2.0-only

//! Gives any Rust kernel module a build tree that can build it, on any Debian kernel.
//!
//! A directory for each subject. Each says in its first lines what is inside and which of the
//! others it may use; they are listed here from the lowest to the highest, and a test of the
//! project's (`tests/rooms.rs`) keeps it so.

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
