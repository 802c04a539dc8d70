// SPDX-License-Identifier: GPL-2.0-only

//! What `cargo test` sees of the driver: its pure parts, without the kernel.
//!
//! The module's own root is `procdriver.rs`, which kbuild builds.

#![cfg_attr(not(test), no_std)]
#![cfg_attr(not(test), expect(dead_code, reason = "only the tests use it here"))]

mod message;
