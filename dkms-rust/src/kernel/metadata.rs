// SPDX-License-Identifier: GPL-2.0-only

//! The Rust metadata that a build tree may contain.

use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The metadata of the `kernel` crate, in a build tree.
pub const KERNEL: &str = "rust/libkernel.rmeta";

/// The first bytes of metadata, and the length of the head that names its rustc.
const MAGIC: &[u8] = b"rust\0\0\0";
const HEAD: u64 = 256;

/// Returns the version text of the rustc that made the metadata in a build tree, from the head of
/// the metadata. No other rustc can read it.
pub fn rustc_of(build: &Path) -> Option<String> {
    let path = build.join(KERNEL);
    // Opening a pipe would wait for a writer.
    if !path.is_file() {
        return None;
    }
    let mut head = Vec::new();
    let file = File::open(path).ok()?;
    file.take(HEAD).read_to_end(&mut head).ok()?;
    parse(&head)
}

/// Finds the version text, which is written after its length.
fn parse(head: &[u8]) -> Option<String> {
    const START: &[u8] = b"rustc ";
    if !head.starts_with(MAGIC) {
        return None;
    }
    let at = head
        .windows(START.len())
        .position(|window| window == START)?;
    let length = usize::from(*head.get(at.checked_sub(1)?)?);
    let text = head.get(at..at.checked_add(length)?)?;
    String::from_utf8(text.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(text: &str) -> Vec<u8> {
        let length = u8::try_from(text.len()).unwrap();
        [
            MAGIC,
            b"\x09\0\0\0\0\0\x12\x34\x56",
            &[length],
            text.as_bytes(),
            b"\xc1more",
        ]
        .concat()
    }

    #[test]
    fn the_rustc_is_read_from_the_head() {
        let text = "rustc 1.85.1 (4eb161250 2025-03-15) (built from a source tarball)";
        assert_eq!(parse(&head(text)).as_deref(), Some(text));
    }

    #[test]
    fn what_is_no_metadata_names_no_rustc() {
        assert_eq!(parse(b""), None);
        assert_eq!(parse(b"rustc 1.85.1"), None);
        assert_eq!(parse(&head("gcc 14")), None);
        let cut = head("rustc 1.85.1 (4eb161250 2025-03-15)");
        assert_eq!(parse(&cut[..30]), None);
        assert_eq!(rustc_of(Path::new("/nonexistent")), None);
    }
}
