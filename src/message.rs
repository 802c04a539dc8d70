// SPDX-License-Identifier: GPL-2.0-only

//! The message as a sequence of bytes: what a read at an offset returns, and what a write at an
//! offset keeps.
//!
//! Uses only `core` and no kernel types, so that `cargo test` can test it on the host.

/// The content of the file after each load of the module.
pub(crate) const GREETING: &[u8] = b"Hello\n";

/// The maximum length of a message.
pub(crate) const LIMIT: usize = 4096;

/// Returns the part of `message` that a read at byte `offset` sees: everything from there to the
/// end. Returns `None` at or past the end.
///
/// `offset` is a file position (`loff_t`). The kernel rejects a negative one before it gets here.
/// If one came nevertheless, there would be nothing to read at it.
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
    /// After the last byte.
    End,
}

/// Why a write is refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It begins past the end of the message, and a message has no holes.
    PastTheEnd,
    /// The message would be longer than [`LIMIT`].
    TooLong,
}

/// Returns the part of `message` that a write of `count` bytes keeps. The new message is this part,
/// followed by the written bytes. What came after this part is dropped, as if each write truncated
/// the file at its offset.
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

/// The bytes of a message that is so short that they need no separate allocation.
pub(crate) struct Short {
    length: u8,
    bytes: [u8; Self::LIMIT],
}

impl Short {
    /// With the length and the discriminant of an enum this makes 32 bytes, as much as the enum
    /// takes with a vector in it. More would be more code to move.
    const LIMIT: usize = 30;

    /// Returns `length` zeros, or `None` if they do not fit.
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
