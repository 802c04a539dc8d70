// SPDX-License-Identifier: GPL-2.0-only

//! What differs between kernels, from 6.12 on: the only place that knows.
//!
//! Nothing here asks for a version. Each item is found where the kernel has none of its own, and
//! stands behind it where it has.

use kernel::ffi::c_void;

/// Makes a `UserPtr` of a pointer. Until 6.15 it is a plain `usize`, which gets here the
/// constructor that the type of its own has since.
#[allow(dead_code)]
pub(crate) trait FromPtr {
    fn from_ptr(ptr: *mut c_void) -> Self;
}

impl FromPtr for usize {
    fn from_ptr(ptr: *mut c_void) -> Self {
        ptr as usize
    }
}
