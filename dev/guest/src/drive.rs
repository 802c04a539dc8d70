// SPDX-License-Identifier: GPL-2.0-only

//! The driver as its users see it: its paths, its content, and ways to read and write it.

use std::os::fd::AsFd;
use std::os::fd::OwnedFd;
use std::path::Path;

use anyhow::Context as _;
use anyhow::ensure;
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;

use crate::check;

/// The path of the driver's directory.
pub const DIRECTORY: &str = "/proc/1999_proc";

/// The path of the driver's file.
pub const FILE: &str = "/proc/1999_proc/mydrive";

/// The name of the file, the only entry of the directory.
pub const ENTRY: &str = "mydrive";

/// What the file contains after every load.
pub const GREETING: &[u8] = b"Hello\n";

/// One of the kernel's own seq files. Cases compare the driver's answers with its answers.
pub const MODEL: &str = "/proc/version";

/// Opens the file for reading.
pub fn open() -> anyhow::Result<OwnedFd> {
    open_with(FILE, OFlag::O_RDONLY).with_context(|| format!("opening {FILE}"))
}

/// Opens any file with any flags.
pub fn open_with(path: &str, flags: OFlag) -> nix::Result<OwnedFd> {
    nix::fcntl::open(path, flags | OFlag::O_CLOEXEC, Mode::empty())
}

/// Reads to the end, at most `piece` bytes at a time.
pub fn read_to_end(fd: impl AsFd, piece: usize) -> nix::Result<Vec<u8>> {
    let mut all = Vec::new();
    let mut buffer = vec![0; piece];
    loop {
        match nix::unistd::read(fd.as_fd(), &mut buffer)? {
            0 => return Ok(all),
            // If a read claims more than there is room for, the text is wrong anyway.
            got => all.extend(&buffer[..got.min(piece)]),
        }
        // A file without an end must fail its case here, and not exhaust the memory.
        if all.len() > 1 << 16 {
            return Ok(all);
        }
    }
}

/// Checks that the greeting is what can be read from the descriptor's position to the end.
pub fn expect_greeting(what: &str, fd: impl AsFd) -> anyhow::Result<()> {
    let got = read_to_end(fd, 4096).with_context(|| format!("{what}: reading"))?;
    check::bytes(what, &got, GREETING)
}

/// The maximum length of a message.
pub const LIMIT: usize = 4096;

/// Opens the file as a shell does for `> mydrive`.
pub fn open_to_write() -> anyhow::Result<OwnedFd> {
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_TRUNC;
    open_with(FILE, flags).with_context(|| format!("opening {FILE} for writing"))
}

/// Sets the message, in one write.
pub fn write(text: &[u8]) -> anyhow::Result<()> {
    let got = nix::unistd::write(open_to_write()?, text);
    check::same("writing the message", got, Ok(text.len()))
}

/// Returns the message that a process reads if it opens the file now.
pub fn message() -> anyhow::Result<Vec<u8>> {
    read_to_end(open()?, LIMIT + 1).context("reading the message")
}

/// Checks that the message is `wanted`.
pub fn expect(what: &str, wanted: &[u8]) -> anyhow::Result<()> {
    check::bytes(&format!("the message after {what}"), &message()?, wanted)
}

/// Checks that the file is there and contains the greeting.
pub fn expect_present() -> anyhow::Result<()> {
    expect_greeting("reading the file", open()?)
}

/// Checks that neither the file nor the directory is there.
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

/// Returns the descriptor's position, where its next read starts.
pub fn position(fd: impl AsFd) -> anyhow::Result<i64> {
    nix::unistd::lseek(fd, 0, nix::unistd::Whence::SeekCur).context("asking for the position")
}
