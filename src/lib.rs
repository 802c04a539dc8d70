// SPDX-License-Identifier: GPL-2.0-only

//! What `cargo test` sees of the driver: its pure parts, without the kernel.

#![cfg_attr(not(test), no_std)]

pub mod message;
