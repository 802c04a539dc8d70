// SPDX-License-Identifier: GPL-2.0-only

//! All of the kernel's C interface.

pub(crate) use kernel::bindings::*;
