// SPDX-License-Identifier: GPL-2.0-only

//! What `/proc/1999_proc/mydrive` does.

use crate::message;
use crate::procfs::{Offset, Operations, Reader};
use kernel::prelude::*;

/// The file's state: the message that it holds.
pub(crate) struct MyDrive {
    message: &'static [u8],
}

impl MyDrive {
    /// The file as it is after every load.
    pub(crate) const fn new() -> Self {
        Self {
            message: message::GREETING,
        }
    }

    /// `read_proc`: what there is of the message from `offset` on.
    fn read_proc(&self, offset: Offset, reader: &mut Reader<'_>) -> Result<usize> {
        reader.copy(message::from_offset(self.message, offset))
    }
}

#[vtable]
impl Operations for MyDrive {
    fn read(&self, offset: Offset, reader: &mut Reader<'_>) -> Result<usize> {
        self.read_proc(offset, reader)
    }
}
