// SPDX-License-Identifier: GPL-2.0-only

//! The package `dkms-rust-sources` has no code: its `Cargo.toml` says what is in it.
