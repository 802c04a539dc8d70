// SPDX-License-Identifier: GPL-2.0-only

//! The checks that cases use. A check that fails returns an error that says what is wrong.

use std::fmt;
use std::fmt::Debug;

use anyhow::bail;
use anyhow::ensure;
use nix::errno::Errno;

/// The error of a case that can't run on this kernel.
#[derive(Debug)]
pub struct Skip(pub String);

impl fmt::Display for Skip {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Skip {}

/// Ends the case as skipped.
pub fn skip<T>(why: impl Into<String>) -> anyhow::Result<T> {
    Err(Skip(why.into()).into())
}

/// Checks that both values are equal.
pub fn same<T: Debug + PartialEq>(what: &str, got: T, wanted: T) -> anyhow::Result<()> {
    ensure!(got == wanted, "{what}: got {got:?}, wanted {wanted:?}");
    Ok(())
}

/// Returns the part of a buffer that a read says it filled. Fails if a read says that it filled
/// more than the buffer: it is wrong, or has written elsewhere.
pub fn filled(buffer: &[u8], got: usize) -> anyhow::Result<&[u8]> {
    let Some(part) = buffer.get(..got) else {
        bail!(
            "a read into {} bytes says that it filled {got}",
            buffer.len()
        );
    };
    Ok(part)
}

/// Checks that the bytes are equal. The error shows them as text, since most are text; of long ones
/// it shows only the part where they begin to differ.
pub fn bytes(what: &str, got: &[u8], wanted: &[u8]) -> anyhow::Result<()> {
    const LONG: usize = 64;
    if got == wanted {
        return Ok(());
    }
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if got.len().max(wanted.len()) <= LONG {
        bail!("{what}: got {:?}, wanted {:?}", text(got), text(wanted));
    }
    let same = got
        .iter()
        .zip(wanted)
        .take_while(|(got, wanted)| got == wanted);
    let at = same.count();
    let there = |bytes: &[u8]| text(&bytes[at..bytes.len().min(at + LONG / 4)]);
    bail!(
        "{what}: got {} bytes, wanted {}; from {at} on got {:?}, wanted {:?}",
        got.len(),
        wanted.len(),
        there(got),
        there(wanted)
    );
}

/// Checks the result of a read into the buffer: these bytes, or this error.
pub fn answer(
    what: &str,
    buffer: &[u8],
    got: nix::Result<usize>,
    wanted: nix::Result<Vec<u8>>,
) -> anyhow::Result<()> {
    match (got, wanted) {
        (Ok(got), Ok(wanted)) => bytes(what, filled(buffer, got)?, &wanted),
        (got, wanted) => same(what, got, wanted.map(|wanted| wanted.len())),
    }
}

/// Checks that the call failed with this error.
pub fn refused<T: Debug>(what: &str, got: nix::Result<T>, wanted: Errno) -> anyhow::Result<()> {
    match got {
        Err(error) if error == wanted => Ok(()),
        other => bail!("{what}: got {other:?}, wanted {wanted:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_is_no_error_and_different_says_both() {
        assert!(same("size", 6, 6).is_ok());
        let error = same("size", 7, 6).unwrap_err().to_string();
        assert_eq!(error, "size: got 7, wanted 6");
        let error = bytes("text", b"Hello", b"Hello\n").unwrap_err().to_string();
        assert_eq!(error, r#"text: got "Hello", wanted "Hello\n""#);
        let error = bytes("text", &[b'x'; 100], &[[b'x'; 98], [b'y'; 98]].concat());
        assert_eq!(
            error.unwrap_err().to_string(),
            r#"text: got 100 bytes, wanted 196; from 98 on got "xx", wanted "yyyyyyyyyyyyyyyy""#
        );
    }

    #[test]
    fn more_than_the_buffer_holds_is_an_error() {
        assert_eq!(filled(b"abc", 2).unwrap(), b"ab");
        let error = filled(b"abc", 7).unwrap_err().to_string();
        assert_eq!(error, "a read into 3 bytes says that it filled 7");
    }

    #[test]
    fn a_refusal_must_have_the_right_reason() {
        assert!(refused::<()>("read", Err(Errno::EIO), Errno::EIO).is_ok());
        assert!(refused::<()>("read", Err(Errno::EINVAL), Errno::EIO).is_err());
        assert!(refused("read", Ok(6), Errno::EIO).is_err());
    }
}
