// SPDX-License-Identifier: GPL-2.0-only

//! Bad input for dkms-rust, and some good input that it must tell apart. Each case runs in a fresh
//! copy of a Debian 13 root, in which the package is installed and its cache is empty.
//!
//! Commands are run by sh, as root, with these variables: `R` is the kernel's release, `C`
//! dkms-rust's cache directory, `W` a filled cache to copy from, `U` the home directory of user
//! 1000.

mod builds;
mod cache;
mod case;
mod needed;
mod source;
mod users;

pub use case::BadInput;

/// Returns all cases.
pub fn all() -> impl Iterator<Item = &'static BadInput> {
    [
        needed::CASES,
        source::CASES,
        cache::CASES,
        builds::CASES,
        users::CASES,
    ]
    .into_iter()
    .flatten()
}
