// SPDX-License-Identifier: GPL-2.0-only

//! Re-exports the kernel's whole C interface.

pub(crate) use kernel::bindings::*;
