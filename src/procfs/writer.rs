// SPDX-License-Identifier: GPL-2.0-only

//! The source of the bytes of a write.

use super::bytes;
use kernel::alloc::Flags;
use kernel::prelude::*;
use kernel::uaccess::UserSlice;

/// The source of one write: memory of the process, which may change it at any time. So it is read
/// only once, and only what was read counts.
pub(crate) struct Writer {
    source: UserSlice,
    length: usize,
}

impl Writer {
    pub(super) fn new(source: UserSlice, length: usize) -> Self {
        Self { source, length }
    }

    /// Returns the number of bytes to write.
    pub(crate) fn len(&self) -> usize {
        self.length
    }

    /// Reads as many bytes as there are places.
    ///
    /// # Errors
    ///
    /// `EFAULT` if the process may not read all of them.
    pub(crate) fn fill(self, places: &mut [u8]) -> Result {
        self.source.reader().read_slice(places)
    }

    /// Reads all bytes.
    ///
    /// # Errors
    ///
    /// `EFAULT` if the process may not read all of them, `ENOMEM`.
    pub(crate) fn read(self, flags: Flags) -> Result<KVec<u8>> {
        let mut source = self.source.reader();
        // SAFETY: If `read_raw` returns `Ok`, it has written all places.
        unsafe { bytes::filled(self.length, flags, |places| source.read_raw(places)) }
    }
}
