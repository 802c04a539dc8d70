// SPDX-License-Identifier: GPL-2.0-only

//! Debian roots to work in at native speed: available kernels, roots and layers over them, and the
//! packages of this repository in them. May use `package` and `host`.

pub mod archive;
pub mod chroot;
pub mod kernel;
pub mod kernels;
pub mod layers;
pub mod mirror;
pub mod modules;
pub mod own_kernel;
pub mod packaged;
pub mod provision;
pub mod root;
pub mod setup;
pub mod signing;
pub mod slices;
pub mod sources;
pub mod together;
pub mod warm;
