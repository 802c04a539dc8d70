// SPDX-License-Identifier: GPL-2.0-only

//! The life of a DKMS package of a Rust module: what its maintainer scripts and `dkms.conf` call.
//! May use every room but `cli` and `commands`.
//!
//! Nothing here makes apt fail. What can't be done is said and remembered (in
//! [`Outcomes`](crate::status::outcomes::Outcomes)), and dpkg's trigger on `/usr/src` tries again.

mod build;
mod configure;
pub mod dkms;
pub mod hook;
mod key;
mod load;
mod logs;
mod owner;
mod records;
mod remove;
mod say;
pub mod source;
mod switch;

pub use configure::{Wanted, configure, retry};
pub use remove::{purge, remove};

#[cfg(test)]
mod tests;
