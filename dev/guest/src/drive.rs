// SPDX-License-Identifier: GPL-2.0-only

//! The driver as its users see it: paths, what it holds, and ways to read it.

use std::os::fd::AsFd;
use std::os::fd::OwnedFd;
use std::path::Path;

use anyhow::Context as _;
use anyhow::ensure;
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;

use crate::check;

/// The driver's directory.
pub const DIRECTORY: &str = "/proc/1999_proc";

/// The driver's file.
pub const FILE: &str = "/proc/1999_proc/mydrive";

/// The only entry of the directory.
pub const ENTRY: &str = "mydrive";

/// What the file holds after every load.
pub const GREETING: &[u8] = b"Hello\n";

/// A file of the kernel's own, by seq_file: where DESIGN says "as the kernel's own do".
pub const MODEL: &str = "/proc/version";

/// Opens the file for reading.
pub fn open() -> anyhow::Result<OwnedFd> {
    open_with(FILE, OFlag::O_RDONLY).with_context(|| format!("opening {FILE}"))
}

/// Opens any file with any flags.
pub fn open_with(path: &str, flags: OFlag) -> nix::Result<OwnedFd> {
    nix::fcntl::open(path, flags | OFlag::O_CLOEXEC, Mode::empty())
}

/// Reads to the end in pieces of at most this size.
pub fn read_to_end(fd: impl AsFd, piece: usize) -> nix::Result<Vec<u8>> {
    let mut all = Vec::new();
    let mut buffer = vec![0; piece];
    loop {
        match nix::unistd::read(fd.as_fd(), &mut buffer)? {
            0 => return Ok(all),
            // Should it claim more than there is room for, the text is wrong all the same.
            got => all.extend(&buffer[..got.min(piece)]),
        }
        // A file that never ends fails its case here, not by filling the memory.
        if all.len() > 1 << 16 {
            return Ok(all);
        }
    }
}

/// The whole is the greeting, from where the descriptor stands.
pub fn expect_greeting(what: &str, fd: impl AsFd) -> anyhow::Result<()> {
    let got = read_to_end(fd, 4096).with_context(|| format!("{what}: reading"))?;
    check::bytes(what, &got, GREETING)
}

/// No message is longer.
pub const LIMIT: usize = 4096;

/// Opens the file as a shell does for `> mydrive`.
pub fn open_to_write() -> anyhow::Result<OwnedFd> {
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_TRUNC;
    open_with(FILE, flags).with_context(|| format!("opening {FILE} for writing"))
}

/// Makes this the message, in one write.
pub fn write(text: &[u8]) -> anyhow::Result<()> {
    let got = nix::unistd::write(open_to_write()?, text);
    check::same("writing the message", got, Ok(text.len()))
}

/// The message, as somebody who opens the file now reads it.
pub fn message() -> anyhow::Result<Vec<u8>> {
    read_to_end(open()?, LIMIT + 1).context("reading the message")
}

/// The message is this.
pub fn expect(what: &str, wanted: &[u8]) -> anyhow::Result<()> {
    check::bytes(&format!("the message after {what}"), &message()?, wanted)
}

/// The driver answers.
pub fn expect_present() -> anyhow::Result<()> {
    expect_greeting("reading the file", open()?)
}

/// Neither file nor directory is there.
pub fn expect_absent() -> anyhow::Result<()> {
    for path in [FILE, DIRECTORY] {
        ensure!(
            !Path::new(path).exists(),
            "{path} is there, and should not be"
        );
    }
    let root = std::fs::read_dir("/proc").context("listing /proc")?;
    for entry in root {
        let name = entry.context("listing /proc")?.file_name();
        ensure!(
            Path::new(DIRECTORY).file_name() != Some(&name) && name != ENTRY,
            "/proc lists {name:?}, and should not"
        );
    }
    Ok(())
}

/// Where the next read of this descriptor starts.
pub fn position(fd: impl AsFd) -> anyhow::Result<i64> {
    nix::unistd::lseek(fd, 0, nix::unistd::Whence::SeekCur).context("asking for the position")
}
