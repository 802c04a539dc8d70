// SPDX-License-Identifier: GPL-2.0-only

//! A writer of initramfs archives: cpio's "newc" format, as in the kernel's
//! Documentation/driver-api/early-userspace/buffer-format.rst.

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
    /// An archive with the folders and the console that every init expects.
    pub fn new() -> Self {
        let mut archive = Self::default();
        for name in ["dev", "proc", "sys", "tmp", "root"] {
            archive.directory(name);
        }
        // The kernel opens it for init before anything is mounted.
        archive.entry("dev/console", CONSOLE, (5, 1), &[]);
        archive
    }

    /// Adds a folder.
    pub fn directory(&mut self, name: &str) {
        self.entry(name, DIRECTORY, (0, 0), &[]);
    }

    /// Adds a file with these permissions.
    pub fn file(&mut self, name: &str, mode: u32, content: &[u8]) {
        self.entry(name, FILE | mode, (0, 0), content);
    }

    /// Ends the archive.
    pub fn finish(mut self) -> Vec<u8> {
        self.entry("TRAILER!!!", 0, (0, 0), &[]);
        self.bytes
    }

    fn entry(&mut self, name: &str, mode: u32, device: (u32, u32), content: &[u8]) {
        self.entries += 1;
        let size = content.len() as u32;
        let name_size = name.len() as u32 + 1;
        let fields = [
            self.entries, // inode
            mode,
            0, // user
            0, // group
            1, // links
            0, // time: none, so that the same content gives the same bytes
            size,
            0, // device that it is on
            0,
            device.0,
            device.1,
            name_size,
            0, // no checksum in this format
        ];
        self.bytes.extend(b"070701");
        for field in fields {
            self.bytes.extend(format!("{field:08X}").as_bytes());
        }
        self.bytes.extend(name.as_bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend(content);
        self.pad();
    }

    fn pad(&mut self) {
        while self.bytes.len() % 4 != 0 {
            self.bytes.push(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_aligned_and_hold_sizes_in_hexadecimal() {
        let mut archive = Archive::default();
        archive.file("init", 0o755, b"hello");
        let bytes = archive.finish();
        assert_eq!(bytes.len() % 4, 0);
        assert_eq!(&bytes[..6], b"070701");
        assert_eq!(&bytes[14..22], b"000081ED", "mode");
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
        let bytes = Archive::new().finish();
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.trim_end_matches('\0').ends_with("TRAILER!!!"));
    }

    #[test]
    fn the_same_content_gives_the_same_bytes() {
        assert_eq!(Archive::new().finish(), Archive::new().finish());
    }
}
