// SPDX-License-Identifier: GPL-2.0-only

//! The developer's machine: paths, required programs, commands, mounts, and terminal output. May
//! use no other room.

pub mod cargo;
pub mod date;
pub mod digest;
pub mod files;
pub mod lock;
pub mod machine;
pub mod mounts;
pub mod output;
pub mod project;
pub mod run;
pub mod ui;
