// SPDX-License-Identifier: GPL-2.0-only

//! Where the bytes of a read go.

use core::marker::PhantomData;
use core::ptr::NonNull;
use kernel::bindings;
use kernel::prelude::*;

/// The destination of one read: memory of the process, a pipe, or whatever else the caller reads
/// into.
///
/// `kernel::iov::IovIterDest` is this and more, but only since Linux 6.18.
///
/// # Invariants
///
/// `iter` points to a `struct iov_iter` that is a destination and that nobody else uses during
/// `'a`.
pub(crate) struct Reader<'a> {
    iter: NonNull<bindings::iov_iter>,
    _call: PhantomData<&'a mut bindings::iov_iter>,
}

impl Reader<'_> {
    /// # Safety
    ///
    /// During `'a`, `iter` is valid, a destination, and used by nobody else.
    pub(super) unsafe fn from_raw(iter: *mut bindings::iov_iter) -> Self {
        Self {
            // INVARIANT: What the caller guarantees.
            // SAFETY: A valid pointer is not null.
            iter: unsafe { NonNull::new_unchecked(iter) },
            _call: PhantomData,
        }
    }

    /// How many bytes still fit.
    fn room(&self) -> usize {
        // SAFETY: By the type invariant the `iov_iter` is valid. `count` shares its place with
        // nothing else: in the other arm of the union it is the length of the only segment.
        unsafe {
            (*self.iter.as_ptr())
                .__bindgen_anon_1
                .__bindgen_anon_1
                .as_ref()
                .count
        }
    }

    /// Copies as much of `bytes` as fits, and returns how much that was.
    ///
    /// # Errors
    ///
    /// `EFAULT` if nothing could be copied although there were bytes and room.
    #[inline(always)]
    pub(crate) fn copy(&mut self, bytes: &[u8]) -> Result<usize> {
        // SAFETY: By the type invariant the `iov_iter` may be written to; `bytes` is valid for
        // its length. No more than fits is copied.
        let copied = unsafe {
            bindings::_copy_to_iter(bytes.as_ptr().cast(), bytes.len(), self.iter.as_ptr())
        };
        match copied {
            0 if !bytes.is_empty() && self.room() != 0 => Err(EFAULT),
            copied => Ok(copied),
        }
    }
}
