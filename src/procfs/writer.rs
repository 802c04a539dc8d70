// SPDX-License-Identifier: GPL-2.0-only

//! Where the bytes of a write come from.

use super::bytes;
use kernel::alloc::Flags;
use kernel::prelude::*;
use kernel::uaccess::UserSlice;

/// The source of one write: memory of the process, which may change it at any time. So it is read
/// once, and what was read is what counts.
pub(crate) struct Writer {
    source: UserSlice,
    length: usize,
}

impl Writer {
    pub(super) fn new(source: UserSlice, length: usize) -> Self {
        Self { source, length }
    }

    /// How many bytes are written.
    pub(crate) fn len(&self) -> usize {
        self.length
    }

    /// Takes as many as there are places.
    ///
    /// # Errors
    ///
    /// `EFAULT` if they are not all the process's to read.
    pub(crate) fn fill(self, places: &mut [u8]) -> Result {
        self.source.reader().read_slice(places)
    }

    /// Takes them all.
    ///
    /// # Errors
    ///
    /// `EFAULT` if they are not all the process's to read, `ENOMEM`.
    pub(crate) fn read(self, flags: Flags) -> Result<KVec<u8>> {
        let mut source = self.source.reader();
        // SAFETY: `read_raw` guarantees it.
        unsafe { bytes::filled(self.length, flags, |places| source.read_raw(places)) }
    }
}
