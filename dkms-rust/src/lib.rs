// SPDX-License-Identifier: GPL-2.0-only

//! Gives any Rust kernel module a build tree that can build it, on any Debian kernel.
//!
//! A kernel's headers are looked at ([`kernel`], [`class`]), the toolchain that built it is
//! looked for ([`toolchain`]), and where its Rust metadata is in no package it is rebuilt from
//! linux-source ([`linux_source`], [`overlay`], [`names`], [`rebuild`]) and kept ([`cache`]). [`plan`] puts
//! those together: it says what will be done for a kernel, or why it can't be.

pub mod cache;
pub mod class;
pub mod cli;
pub mod commands;
pub mod dpkg;
pub mod kconfig;
pub mod kernel;
pub mod link;
pub mod linux_source;
pub mod names;
pub mod overlay;
pub mod plan;
pub mod rebuild;
pub mod refusal;
pub mod release;
pub mod run;
pub mod runtime;
pub mod rust_config;
pub mod rustc_shim;
pub mod status;
pub mod symbols;
pub mod system;
pub mod thin_core;
pub mod toolchain;
pub mod version;
pub mod xz;
