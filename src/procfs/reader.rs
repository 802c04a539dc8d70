// SPDX-License-Identifier: GPL-2.0-only

//! The destination of the bytes of a read.

use core::marker::PhantomData;
use core::ptr::NonNull;
use kernel::bindings;
use kernel::prelude::*;

/// The destination of one read: memory of the process, a pipe, or whatever else the caller reads
/// into.
///
/// `kernel::iov::IovIterDest` can do this and more, but exists only since Linux 6.18.
///
/// # Invariants
///
/// `iter` points to a `struct iov_iter` that is a destination, and nobody else uses it during `'a`.
pub(crate) struct Reader<'a> {
    iter: NonNull<bindings::iov_iter>,
    copied: usize,
    _call: PhantomData<&'a mut bindings::iov_iter>,
}

impl Reader<'_> {
    /// # Safety
    ///
    /// During `'a`, `iter` is valid and a destination, and nobody else uses it.
    pub(super) unsafe fn from_raw(iter: *mut bindings::iov_iter) -> Self {
        Self {
            // INVARIANT: The caller guarantees this.
            // SAFETY: A valid pointer is not null.
            iter: unsafe { NonNull::new_unchecked(iter) },
            copied: 0,
            _call: PhantomData,
        }
    }

    /// Returns how many bytes were copied.
    pub(super) fn copied(&self) -> usize {
        self.copied
    }

    /// Returns how many bytes still fit.
    fn room(&self) -> usize {
        // SAFETY: By the type invariant the `iov_iter` is valid. `count` is valid in both arms of
        // the union: in the other one, this place is the length of the only segment.
        unsafe {
            (*self.iter.as_ptr())
                .__bindgen_anon_1
                .__bindgen_anon_1
                .as_ref()
                .count
        }
    }

    /// Copies as much of `bytes` as fits.
    ///
    /// # Errors
    ///
    /// `EFAULT` if there were bytes and room, but nothing could be copied.
    #[inline(always)]
    pub(crate) fn copy(&mut self, bytes: &[u8]) -> Result {
        // SAFETY: By the type invariant the `iov_iter` may be written to; `bytes` is valid for its
        // length. The function copies no more than fits.
        let copied = unsafe {
            bindings::_copy_to_iter(bytes.as_ptr().cast(), bytes.len(), self.iter.as_ptr())
        };
        if copied == 0 && !bytes.is_empty() && self.room() != 0 {
            return Err(EFAULT);
        }
        // OVERFLOW: All copies together are no longer than the destination was.
        self.copied = self.copied.wrapping_add(copied);
        Ok(())
    }
}
