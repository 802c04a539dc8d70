// SPDX-License-Identifier: GPL-2.0-only

//! Prepares build trees with a kernel's Rust metadata, and builds out-of-tree Rust modules in them,
//! for any Debian kernel.
//!
//! The crate is divided into rooms: one top-level module per subject, usually a directory. The
//! first lines of a room say what it contains and which other rooms it may use. The rooms are listed
//! here from the lowest to the highest, and `tests/rooms.rs` checks that each uses only lower ones.

pub mod system;

pub mod kernel;
pub mod scaffold;

pub mod source;
pub mod toolchain;

pub mod build;

pub mod status;

pub mod package;

pub mod pack;

pub mod fleet;

pub mod cli;
pub mod commands;
