// SPDX-License-Identifier: GPL-2.0-only

//! The packages `dkms-rust-sources` and `dkms-rust-core` have no code: `Cargo.toml` says what is in
//! them.
