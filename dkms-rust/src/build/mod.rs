// SPDX-License-Identifier: GPL-2.0-only

//! Makes build trees that have Rust metadata, and builds modules in them. May use `source`,
//! `toolchain`, `kernel` and `system`.
//!
//! [`plan`] decides how modules are built for a kernel, with the help of:
//! - [`way`]: whether modules are shipped, rebuilt or linked, and which rustc is the kernel's own
//! - [`cache`]: the kept trees; [`manifest`]: whether a tree is as it was made; [`inputs`]: what it
//!   is made of. [`Cache::find`](cache::Cache::find) and [`Inputs::agree`](inputs::Inputs::agree)
//!   compare a tree with its inputs
//! - [`recipe`]: the version of the code that makes trees, which is one of the inputs
//! - [`refuse`]: the reasons against a rebuild; [`failures`]: the rebuilds that have failed before
//! - [`place`]: whether the cache has room and can run programs; [`jobs`]: how many compilers fit
//!   into memory; [`lasted`]: how long rebuilds took
//!
//! [`tree`] gets the planned tree from the cache, or has [`rebuild`] make it:
//! - [`overlay`]: links to the headers; [`rustc_shim`]: wraps rustc and bindgen
//! - [`planted`]: refuses links that a compiler left in the tree
//! - [`thin_core`]: `core` without AVX-512; [`parts`]: crates that are copied from other trees,
//!   by what [`depinfo`] says that they depend on
//! - [`lock`]: one process per kernel; [`stale`]: removes what is kept for removed kernels
//!
//! A tree for linked modules also needs:
//! - [`rust_config`]: the options that the kernel lacks
//! - [`runtime`]: the code that modules carry; [`helpers`]: the kernel's helpers in C
//! - [`formatters`]: the C functions that only work with the kernel's own rustc
//!
//! When a module is built:
//! - [`folders`]: its directories; [`info`]: the modinfo field that says how it was built
//! - [`link_runtime`]: adds the runtime to a linked module; [`symbols`]: reads object files
//! - [`analyzer`] writes `rust-project.json`

pub mod analyzer;
pub mod cache;
mod depinfo;
pub mod failures;
pub mod folders;
pub mod formatters;
pub mod helpers;
pub mod info;
pub mod inputs;
pub mod jobs;
pub mod lasted;
pub mod link_runtime;
pub mod lock;
mod manifest;
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
pub mod tree;
pub mod way;
