// SPDX-License-Identifier: GPL-2.0-only

//! The differences between the supported kernels, which are 6.12 and newer. No other file knows
//! about them.
//!
//! Nothing here checks a version. If the kernel has an item of its own, that takes precedence;
//! otherwise the one here is used.

use kernel::ffi::c_void;

/// Makes a `UserPtr` from a pointer. Until 6.15 `UserPtr` is a plain `usize`, for which this trait
/// adds the constructor that the later type has.
#[allow(dead_code)]
pub(crate) trait FromPtr {
    fn from_ptr(ptr: *mut c_void) -> Self;
}

impl FromPtr for usize {
    fn from_ptr(ptr: *mut c_void) -> Self {
        ptr as usize
    }
}
