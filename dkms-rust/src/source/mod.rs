// SPDX-License-Identifier: GPL-2.0-only

//! The kernel's source, of which a rebuild needs a small part: where it is ([`find`], [`fetch`]),
//! how that part is read ([`archive`], [`xz`], [`needed`]) and kept ([`mod@slice`],
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
