// SPDX-License-Identifier: GPL-2.0-only

//! Reads an installed kernel from its headers, and defines the refusal of a kernel that modules
//! can't be built for. May use `system`.
//!
//! Every step of a build can create a [`Refusal`](refusal::Refusal), with a reason and a mend: by
//! `Refusal::new`, or by `Refusal::final_` if nothing mends it.
//! `refusal.rs` formats them; `package/kernel_build.rs` prints the line before that text in
//! apt's output.

pub mod build_result;
pub mod class;
pub mod fingerprint;
pub mod headers;
pub mod kconfig;
pub mod memory;
pub mod metadata;
mod missing;
pub mod options;
mod owner;
pub mod refusal;
pub mod release;
