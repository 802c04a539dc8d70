// SPDX-License-Identifier: GPL-2.0-only

//! One installed kernel, as its headers describe it, and the refusal of a kernel that can't be
//! served. May use `system`.

pub mod class;
pub mod fingerprint;
pub mod headers;
pub mod kconfig;
pub mod memory;
pub mod metadata;
pub mod options;
pub mod refusal;
pub mod release;
