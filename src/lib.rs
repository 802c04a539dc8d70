// SPDX-License-Identifier: GPL-2.0-only

//! The parts of the driver that do not need the kernel, for `cargo test`.
//!
//! The root of the module itself is `procdriver.rs`, which kbuild builds.

#![cfg_attr(not(test), no_std)]
#![cfg_attr(not(test), expect(dead_code, reason = "only the tests use it here"))]

mod message;
