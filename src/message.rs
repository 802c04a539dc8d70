// SPDX-License-Identifier: GPL-2.0-only

//! The message as a sequence of bytes: what a read at an offset gets of it, and what a write at an
//! offset leaves of it.
//!
//! `core` only and no kernel types, so that `cargo test` proves it on the host.

/// What the file holds after every load.
pub(crate) const GREETING: &[u8] = b"Hello\n";

/// No message is longer.
pub(crate) const LIMIT: usize = 4096;

/// The part of `message` that a read at byte `offset` sees: everything from there to the end; none
/// at or past the end.
///
/// `offset` is a file position (`loff_t`). The kernel refuses a negative one before it gets here;
/// should one come all the same, there is nothing to see at it.
#[inline(always)]
pub(crate) fn from_offset(message: &[u8], offset: i64) -> Option<&[u8]> {
    let start = usize::try_from(offset).ok()?;
    if start >= message.len() {
        return None;
    }
    message.get(start..)
}

/// Where a write puts its bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    /// At this file position.
    At(i64),
    /// Behind the last byte.
    End,
}

/// Why a write is refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It begins past the end of the message: nothing could stand between.
    PastTheEnd,
    /// The message would be longer than [`LIMIT`].
    TooLong,
}

/// The part of `message` that a write of `count` bytes keeps: its bytes follow this part, and make
/// the new message with it. What stood behind is gone, as if the file had been opened anew for
/// each message.
pub(crate) fn kept(message: &[u8], place: Place, count: usize) -> Result<&[u8], Refusal> {
    let kept = match place {
        Place::End => message,
        Place::At(offset) => usize::try_from(offset)
            .ok()
            .and_then(|end| message.get(..end))
            .ok_or(Refusal::PastTheEnd)?,
    };
    match kept.len().checked_add(count) {
        Some(length) if length <= LIMIT => Ok(kept),
        _ => Err(Refusal::TooLong),
    }
}

/// The bytes of a message so short that they need no allocation of their own.
pub(crate) struct Short {
    length: u8,
    bytes: [u8; Self::LIMIT],
}

impl Short {
    /// With the length, the discriminant of an enum and a reference count that makes 64 bytes, as
    /// the kernel allocates them.
    const LIMIT: usize = 54;

    /// So many zeros, if they are few enough.
    #[inline(always)]
    pub(crate) fn new(length: usize) -> Option<Self> {
        let fits = u8::try_from(length).ok().filter(|_| length <= Self::LIMIT);
        Some(Self {
            length: fits?,
            bytes: [0; Self::LIMIT],
        })
    }

    #[inline(always)]
    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length.into()).unwrap_or_default()
    }

    #[inline(always)]
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        let length = self.length.into();
        self.bytes.get_mut(..length).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
