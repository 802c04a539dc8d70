// SPDX-License-Identifier: GPL-2.0-only

//! Makes build trees that have Rust metadata, and builds modules in them. May use `source`,
//! `toolchain`, `kernel` and `system`.

pub mod analyzer;
pub mod cache;
pub mod failures;
pub mod folders;
pub mod formatters;
pub mod helpers;
pub mod info;
pub mod jobs;
pub mod link;
pub mod lock;
pub mod overlay;
pub mod parts;
pub mod place;
pub mod plan;
mod planted;
pub mod rebuild;
pub mod recipe;
mod refuse;
pub mod runtime;
pub mod rust_config;
pub mod rustc_shim;
pub mod stale;
pub mod symbols;
pub mod thin_core;
pub mod way;
