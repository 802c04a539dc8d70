// SPDX-License-Identifier: GPL-2.0-only

//! What `/proc/1999_proc/mydrive` does.

use crate::message;
use crate::message::Place;
use crate::message::Refusal;
use crate::procfs::{self, Offset, OpenFile, Operations, Reader, Writer};
use kernel::alloc::flags::GFP_KERNEL_ACCOUNT;
use kernel::new_mutex;
use kernel::prelude::*;
use kernel::sync::{Arc, Mutex};

/// A message as it was written. It never changes: a write makes a new one, and who reads goes on
/// with the one that they have begun.
pub(crate) type Message = KVec<u8>;

/// The file's state beside its message.
pub(crate) struct MyDrive {
    /// Held from looking at a message to putting its successor into its place, so that no write
    /// is lost. Readers don't take it.
    writers: Pin<KBox<Mutex<()>>>,
}

impl MyDrive {
    /// The file as it is after every load.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new() -> Result<Self> {
        let writers = new_mutex!((), "MyDrive::writers");
        Ok(Self {
            writers: KBox::pin_init(writers, GFP_KERNEL)?,
        })
    }

    /// What it holds after every load.
    pub(crate) fn greeting() -> Result<Arc<Message>> {
        join(message::GREETING, KVec::new())
    }

    /// `read_proc`: what there is from `offset` on. A read at offset 0 begins with the newest
    /// message; those further on go on in the one that was begun.
    #[inline(always)]
    fn read_proc(
        &self,
        file: &OpenFile<'_, Message>,
        offset: Offset,
        reader: &mut Reader<'_>,
    ) -> Result<usize> {
        let message = file.content(offset == 0);
        match message::from_offset(&message, offset) {
            Some(rest) => reader.copy(rest),
            None => Ok(0),
        }
    }

    /// Makes the message what it is before `offset` (with `O_APPEND`: all that it is) and behind
    /// that what is written; all of it or nothing.
    fn write_proc(
        &self,
        file: &OpenFile<'_, Message>,
        offset: Offset,
        writer: Writer,
    ) -> Result<Offset> {
        let count = writer.len();
        if count == 0 {
            return Ok(offset);
        }
        let place = if file.appends() {
            Place::End
        } else {
            Place::At(offset)
        };
        // What is refused anyway takes no memory, and so what is taken is at most the limit.
        file.look(|newest| message::kept(newest, place, count).map(|_| ()))?;
        // The process may make this take long, so the lock comes after it.
        let data = writer.read(GFP_KERNEL_ACCOUNT)?;

        let _lock = self.writers.lock();
        let before = file.newest();
        let after = join(message::kept(&before, place, count)?, data)?;
        // CAST: At most the limit.
        let end = after.len() as Offset;
        file.publish(after);
        Ok(end)
    }
}

/// A message of two parts. Most writes keep nothing: then what was read is it, and not copied.
fn join(kept: &[u8], data: KVec<u8>) -> Result<Arc<Message>> {
    let bytes = if kept.is_empty() {
        data
    } else {
        procfs::concat(kept, &data, GFP_KERNEL_ACCOUNT)?
    };
    Ok(Arc::new(bytes, GFP_KERNEL_ACCOUNT)?)
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::PastTheEnd => EINVAL,
            // As a binary file of sysfs past its size, and any file past the largest there can be.
            Refusal::TooLong => EFBIG,
        }
    }
}

#[vtable]
impl Operations for MyDrive {
    type Content = Message;

    #[inline]
    fn read(
        &self,
        file: &OpenFile<'_, Message>,
        offset: Offset,
        reader: &mut Reader<'_>,
    ) -> Result<usize> {
        self.read_proc(file, offset, reader)
    }

    #[inline]
    fn write(
        &self,
        file: &OpenFile<'_, Message>,
        offset: Offset,
        writer: Writer,
    ) -> Result<Offset> {
        self.write_proc(file, offset, writer)
    }
}
