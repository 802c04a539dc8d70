// SPDX-License-Identifier: GPL-2.0-only

//! The message as a sequence of bytes: what a read at an offset gets of it.
//!
//! `core` only and no kernel types, so that `cargo test` proves it on the host.

/// What the file holds after every load.
pub(crate) const GREETING: &[u8] = b"Hello\n";

/// The part of `message` that a read at byte `offset` sees: everything from there to the end,
/// nothing at or past the end.
///
/// `offset` is a file position (`loff_t`). The kernel refuses a negative one before it gets here;
/// should one come all the same, there is nothing to see at it.
pub(crate) fn from_offset(message: &[u8], offset: i64) -> &[u8] {
    usize::try_from(offset)
        .ok()
        .and_then(|start| message.get(start..))
        .unwrap_or(&[])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_message_is_at_offset_zero() {
        assert_eq!(from_offset(GREETING, 0), b"Hello\n");
    }

    #[test]
    fn an_offset_inside_gives_the_rest() {
        assert_eq!(from_offset(GREETING, 4), b"o\n");
        assert_eq!(from_offset(GREETING, 5), b"\n");
    }

    #[test]
    fn at_and_past_the_end_there_is_nothing() {
        for offset in [6, 7, 4096, i64::MAX] {
            assert_eq!(from_offset(GREETING, offset), b"");
        }
    }

    #[test]
    fn a_negative_offset_gives_nothing() {
        for offset in [-1, -6, i64::MIN] {
            assert_eq!(from_offset(GREETING, offset), b"");
        }
    }

    #[test]
    fn an_empty_message_reads_as_nothing() {
        assert_eq!(from_offset(b"", 0), b"");
    }
}
