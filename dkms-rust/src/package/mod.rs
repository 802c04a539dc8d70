// SPDX-License-Identifier: GPL-2.0-only

//! The life cycle of a DKMS package of a Rust module, and of packages of prebuilt modules: what their
//! maintainer scripts and `dkms.conf` call. May use all rooms except `cli` and `commands`.
//!
//! - [`configure()`] is what a postinst calls, and [`retry`] what the trigger of `dkms-rust-common`
//!   does for all packages at the end of apt.
//! - [`run`] builds one package for all kernels, [`kernel_build`] for one ("not built for").
//! - [`prebuilt`] takes packages of prebuilt modules instead, and says which kernel has none.
//! - [`hook`] is called by dkms as `PRE_BUILD`.
//! - [`remove()`] and [`purge`] undo it all.
//!
//! Nothing here makes apt fail. Failures are reported and remembered (in
//! [`Outcomes`](crate::status::outcomes::Outcomes)), and the trigger tries again.

mod configure;
pub mod dkms;
pub mod hook;
mod kernel_build;
mod key;
mod leftovers;
mod load;
mod logs;
mod origin;
mod owner;
mod planned;
pub mod prebuilt;
mod records;
mod remove;
mod rival;
mod run;
mod say;
pub mod source;
mod switch;

pub use configure::{Wanted, configure, retry};
pub use remove::{purge, remove};

#[cfg(test)]
mod tests;
