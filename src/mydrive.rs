// SPDX-License-Identifier: GPL-2.0-only

//! What `/proc/1999_proc/mydrive` does.

use crate::message;
use crate::message::Place;
use crate::message::Refusal;
use crate::message::Short;
use crate::procfs::{self, Offset, OpenFile, Operations, Reader, Writer};
use core::ops::Deref;
use kernel::alloc::flags::GFP_KERNEL_ACCOUNT;
use kernel::new_mutex;
use kernel::prelude::*;
use kernel::sync::{Arc, Mutex, UniqueArc};

/// A message as it was written. It never changes: a write makes a new one, and who reads goes on
/// with the one that they have begun.
pub(crate) enum Message {
    /// In the allocation of the message itself: most are short.
    Short(Short),
    /// In one of its own.
    Long(KVec<u8>),
}

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
        Message::joined(message::GREETING, &[])
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
        // So what is taken for it is at most the limit.
        if count > message::LIMIT {
            return Err(Refusal::TooLong.into());
        }
        // The process may make this take long, so the lock comes after it.
        let data = Message::written(writer)?;
        let place = if file.appends() {
            Place::End
        } else {
            Place::At(offset)
        };

        let _lock = self.writers.lock();
        let length = |newest: &Message| message::kept(newest, place, count).map(<[u8]>::len);
        let after = match file.look(length)? {
            // Most writes keep nothing: then what was read is it.
            0 => data,
            _ => Message::joined(message::kept(&file.newest(), place, count)?, &data)?,
        };
        // CAST: At most the limit.
        let end = after.len() as Offset;
        file.publish(after);
        Ok(end)
    }
}

impl Message {
    /// What a write brings.
    fn written(writer: Writer) -> Result<Arc<Self>> {
        let Some(short) = Short::new(writer.len()) else {
            return Self::long(writer.read(GFP_KERNEL_ACCOUNT)?);
        };
        let mut message = UniqueArc::new(Self::Short(short), GFP_KERNEL_ACCOUNT)?;
        if let Self::Short(short) = &mut *message {
            writer.fill(short.bytes_mut())?;
        }
        Ok(message.into())
    }

    /// Two pieces, the second behind the first.
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
