// SPDX-License-Identifier: GPL-2.0-only

//! One installed kernel, as its headers describe it, and the refusal of a kernel that can't be
//! served. May use `system`.
//!
//! Every step of a build can create a [`Refusal`](refusal::Refusal), with a reason and a mend: by
//! `Refusal::new`, or by `Refusal::final_` if nothing mends it.
//! `refusal.rs` makes the text of them; `package/kernel_build.rs` prints the line before that text in
//! apt's output.

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
