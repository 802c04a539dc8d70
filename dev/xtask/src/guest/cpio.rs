// SPDX-License-Identifier: GPL-2.0-only

//! Initramfs archives in cpio's "newc" format, as described in the kernel's
//! Documentation/driver-api/early-userspace/buffer-format.rst.

use std::io::Write;

use anyhow::{Context, Result};
use cpio::newc::{self, Builder};

/// An archive in memory.
#[derive(Default)]
pub struct Archive {
    bytes: Vec<u8>,
    entries: u32,
}

const DIRECTORY: u32 = 0o040_755;
const FILE: u32 = 0o100_000;
const CONSOLE: u32 = 0o020_600;

impl Archive {
    /// Makes an archive with the directories and the console that every init expects.
    pub fn new() -> Result<Self> {
        let mut archive = Self::default();
        for name in ["dev", "proc", "sys", "tmp", "root"] {
            archive.directory(name)?;
        }
        // The kernel opens it for init before anything is mounted.
        let console = Builder::new("dev/console").mode(CONSOLE);
        archive.entry(console.rdev_major(5).rdev_minor(1), &[])?;
        Ok(archive)
    }

    /// Adds a directory.
    pub fn directory(&mut self, name: &str) -> Result<()> {
        self.entry(Builder::new(name).mode(DIRECTORY), &[])
    }

    /// Adds a file with these permissions.
    pub fn file(&mut self, name: &str, mode: u32, content: &[u8]) -> Result<()> {
        self.entry(Builder::new(name).mode(FILE | mode), content)
    }

    /// Finishes the archive, and returns its bytes.
    pub fn finish(self) -> Result<Vec<u8>> {
        newc::trailer(self.bytes).context("cannot end an initramfs")
    }

    /// Adds an entry without a timestamp, so that archives are reproducible.
    fn entry(&mut self, entry: Builder, content: &[u8]) -> Result<()> {
        self.entries += 1;
        let size = u32::try_from(content.len()).context("too large for an initramfs")?;
        let entry = entry.ino(self.entries).nlink(1);
        let mut writer = entry.write(&mut self.bytes, size);
        writer
            .write_all(content)
            .and_then(|()| writer.finish().map(drop))
            .context("cannot add to an initramfs")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made() -> Vec<u8> {
        Archive::new().unwrap().finish().unwrap()
    }

    #[test]
    fn headers_are_aligned_and_hold_sizes_in_hexadecimal() {
        let mut archive = Archive::default();
        archive.file("init", 0o755, b"hello").unwrap();
        let bytes = archive.finish().unwrap();
        assert_eq!(bytes.len() % 4, 0);
        assert_eq!(&bytes[..6], b"070701");
        assert_eq!(&bytes[14..22], b"000081ed", "mode");
        assert_eq!(&bytes[54..62], b"00000005", "size of the content");
        assert_eq!(
            &bytes[94..102],
            b"00000005",
            "size of the name and its zero"
        );
        assert_eq!(&bytes[110..115], b"init\0");
        assert_eq!(&bytes[116..121], b"hello");
    }

    #[test]
    fn the_trailer_is_the_last_entry() {
        let bytes = made();
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.trim_end_matches('\0').ends_with("TRAILER!!!"));
    }

    #[test]
    fn the_same_content_gives_the_same_bytes() {
        assert_eq!(made(), made());
    }
}
