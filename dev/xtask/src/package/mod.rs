// SPDX-License-Identifier: GPL-2.0-only

//! The Debian packages, and an apt repository with them. May use `host`.

pub mod assets;
pub mod deb;
pub mod repo;
pub mod sbom;
pub mod versions;
