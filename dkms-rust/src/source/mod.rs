// SPDX-License-Identifier: GPL-2.0-only

//! Finds a kernel's source ([`find`], [`fetch`]), reads the small part of it that a rebuild needs
//! ([`archive`], [`xz`], [`needed`]), and keeps that part, the slice ([`mod@slice`],
//! [`slice_file`]). May use `kernel` and `system`.

pub mod archive;
pub mod fetch;
pub mod find;
pub mod needed;
pub mod slice;
pub mod slice_file;
pub mod version;
pub mod work;
pub mod xz;
