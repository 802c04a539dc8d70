// SPDX-License-Identifier: GPL-2.0-only

//! The file `/proc/1999_proc/mydrive`.

use crate::message;
use crate::message::Place;
use crate::message::Refusal;
use crate::message::Short;
use crate::procfs::{self, Offset, OpenFile, Operations, Reader, Writer};
use core::ops::Deref;
use kernel::alloc::flags::GFP_KERNEL_ACCOUNT;
use kernel::new_mutex;
use kernel::prelude::*;
use kernel::sync::{Arc, Mutex};

/// A message as it was written. It never changes: a write makes a new message, and readers continue
/// with the message that they have begun.
pub(crate) enum Message {
    /// In the allocation of the message itself. Most messages are short.
    Short(Short),
    /// In a separate allocation.
    Long(KVec<u8>),
}

/// The file's state besides its message.
pub(crate) struct MyDrive {
    /// Held from reading the old message until the new one replaces it, so that no write is lost.
    /// Readers do not take it.
    writers: Pin<KBox<Mutex<()>>>,
}

impl MyDrive {
    /// Makes the file's initial state.
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

    /// Makes the initial message.
    pub(crate) fn greeting() -> Result<Arc<Message>> {
        Message::joined(message::GREETING, &[])
    }

    /// Copies the message from `offset` on. A read at offset 0 begins with the newest message;
    /// reads at later offsets continue with the message that was begun.
    #[inline(always)]
    fn read_proc(
        &self,
        file: &OpenFile<'_, Message>,
        offset: Offset,
        reader: &mut Reader<'_>,
    ) -> Result {
        let message = file.content(offset == 0);
        match message::from_offset(&message, offset) {
            Some(rest) => reader.copy(rest),
            None => Ok(()),
        }
    }

    /// Replaces the message with its part before `offset` (with `O_APPEND`: all of it), followed by
    /// what is written. Takes all of that or nothing.
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
        // This limits how much memory is allocated for the data.
        if count > message::LIMIT {
            return Err(Refusal::TooLong.into());
        }
        // The process can make this take long, so take the lock afterwards.
        let data = Message::written(writer)?;
        let place = if file.appends() {
            Place::End
        } else {
            Place::At(offset)
        };

        let _lock = self.writers.lock();
        let mut kept = 0;
        let is_all = |newest: &Message| {
            kept = message::kept(newest, place, count)?.len();
            // Most writes keep nothing: then the data is the message.
            Ok(kept == 0)
        };
        let Some(data) = file.publish_if(data, is_all)? else {
            // CAST: At most the limit.
            return Ok(count as Offset);
        };
        // As long as the lock is held, this is the message that was just looked at.
        let before = file.newest();
        let after = Message::joined(before.get(..kept).unwrap_or_default(), &data)?;
        // CAST: At most the limit.
        let end = after.len() as Offset;
        file.publish(after);
        Ok(end)
    }
}

impl Message {
    /// Makes a message of what is written.
    fn written(writer: Writer) -> Result<Arc<Self>> {
        let Some(mut short) = Short::new(writer.len()) else {
            return Self::long(writer.read(GFP_KERNEL_ACCOUNT)?);
        };
        // On the stack: hardened usercopy's check of a stack buffer is cheaper than that of a slab
        // object.
        writer.fill(short.bytes_mut())?;
        Ok(Arc::new(Self::Short(short), GFP_KERNEL_ACCOUNT)?)
    }

    /// Makes a message of two pieces, the second after the first.
    fn joined(first: &[u8], second: &[u8]) -> Result<Arc<Self>> {
        Self::long(procfs::concat(first, second, GFP_KERNEL_ACCOUNT)?)
    }

    fn long(bytes: KVec<u8>) -> Result<Arc<Self>> {
        Ok(Arc::new(Self::Long(bytes), GFP_KERNEL_ACCOUNT)?)
    }
}

impl Deref for Message {
    type Target = [u8];

    #[inline(always)]
    fn deref(&self) -> &[u8] {
        match self {
            Self::Short(short) => short.bytes(),
            Self::Long(bytes) => bytes,
        }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::PastTheEnd => EINVAL,
            // Like a binary file in sysfs past its size, or any file past the maximum file size.
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
    ) -> Result {
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
