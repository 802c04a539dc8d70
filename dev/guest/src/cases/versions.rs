// SPDX-License-Identifier: GPL-2.0-only

//! What an open file reads while others write: it keeps the message that was the newest when it
//! read at offset 0, until it reads at offset 0 again.

use std::fs::File;
use std::io::Read as _;
use std::os::fd::AsFd;
use std::os::fd::OwnedFd;

use anyhow::Context as _;
use nix::fcntl::OFlag;
use nix::fcntl::SpliceFFlags;
use nix::sys::uio::pread;
use nix::sys::uio::pwrite;
use nix::unistd::Whence;
use nix::unistd::lseek;
use nix::unistd::read;

use crate::cases::Case;
use crate::cases::Context;
use crate::cases::writing::pattern;
use crate::check::bytes;
use crate::check::filled;
use crate::check::same;
use crate::drive;
use crate::drive::GREETING;
use crate::drive::LIMIT;

pub const CASES: &[Case] = &[
    Case::loaded("open-file-goes-on-with-what-it-began", goes_on),
    Case::loaded("end-of-file-stays-where-it-was", end_stays),
    Case::loaded("offset-zero-begins-with-the-newest", zero_begins),
    Case::loaded("first-read-elsewhere-begins-too", elsewhere_begins),
    Case::loaded("open-files-go-on-each-with-its-own", each_with_its_own),
    Case::loaded("shared-open-file-shares-what-it-began", shared),
    Case::loaded("reads-own-write-at-offset-zero", own_write),
    Case::loaded("splice-goes-on-too", splice_goes_on),
];

/// Reads `count` bytes at the position.
fn take(fd: impl AsFd, count: usize) -> anyhow::Result<Vec<u8>> {
    let mut buffer = vec![0; count];
    let got = read(fd, &mut buffer).context("reading")?;
    Ok(filled(&buffer, got)?.to_vec())
}

/// Reads all that there is at an offset.
fn take_at(fd: impl AsFd, offset: i64) -> anyhow::Result<Vec<u8>> {
    let mut buffer = vec![0; LIMIT + 1];
    let got = pread(fd, &mut buffer, offset).context("reading at an offset")?;
    Ok(filled(&buffer, got)?.to_vec())
}

fn rewind(fd: &OwnedFd) -> anyhow::Result<()> {
    lseek(fd, 0, Whence::SeekSet)
        .context("going back")
        .map(drop)
}

/// Writes another message after each byte: shorter, empty, longer, and the longest.
fn goes_on(_: &Context) -> anyhow::Result<()> {
    let file = drive::open()?;
    let longest = pattern(LIMIT);
    let others = [
        &b"x"[..],
        b"",
        b"HELLO\n",
        b"Goodbye, and more than that\n",
        &longest,
    ];
    for round in 0..3 {
        drive::write(GREETING)?;
        rewind(&file)?;
        let mut got = Vec::new();
        for other in others.iter().cycle().take(GREETING.len()) {
            got.extend(take(&file, 1)?);
            drive::write(other)?;
        }
        bytes(&format!("round {round}, byte by byte"), &got, GREETING)?;
        bytes("at the end", &take(&file, 16)?, b"")?;
        bytes("pread in it", &take_at(&file, 4)?, &GREETING[4..])?;
    }
    Ok(())
}

fn end_stays(_: &Context) -> anyhow::Result<()> {
    let file = drive::open()?;
    drive::expect_greeting("whole", &file)?;
    drive::write(b"Hello\nand more\n")?;
    bytes("at the end, with more written", &take(&file, 16)?, b"")?;
    bytes("pread there", &take_at(&file, 6)?, b"")?;
    rewind(&file)?;
    bytes("from the start", &take(&file, 64)?, b"Hello\nand more\n")
}

/// Both lseek and pread begin anew, any number of times.
fn zero_begins(_: &Context) -> anyhow::Result<()> {
    let file = drive::open()?;
    for text in [&b"first\n"[..], b"the second\n", b"3\n"] {
        drive::write(text)?;
        bytes("pread at 0", &take_at(&file, 0)?, text)?;
        drive::write(b"between\n")?;
        bytes("pread at 1 after it", &take_at(&file, 1)?, &text[1..])?;
        rewind(&file)?;
        bytes("lseek to 0", &take(&file, 64)?, b"between\n")?;
        rewind(&file)?;
    }
    // Even a read of no bytes begins anew: only the offset counts.
    drive::write(b"for nobody\n")?;
    bytes("read of nothing at 0", &take(&file, 0)?, b"")?;
    bytes("pread at 4 after it", &take_at(&file, 4)?, b"nobody\n")
}

/// A file that was never read at offset 0 begins where it is first read.
fn elsewhere_begins(_: &Context) -> anyhow::Result<()> {
    let (file, late) = (drive::open()?, drive::open()?);
    drive::write(b"0123456789")?;
    bytes("the first read", &take_at(&file, 7)?, b"789")?;
    drive::write(b"abcdefghijkl")?;
    bytes("the second", &take_at(&file, 5)?, b"56789")?;
    bytes("of another open file", &take_at(&late, 5)?, b"fghijkl")
}

/// A hundred messages at once, each held by two open files, one of which then begins anew.
fn each_with_its_own(_: &Context) -> anyhow::Result<()> {
    let text = |number: usize| format!("message {number} of many\n").into_bytes();
    let mut files = Vec::new();
    for number in 0..100 {
        drive::write(&text(number))?;
        let pair = (drive::open()?, drive::open()?);
        for file in [&pair.0, &pair.1] {
            bytes("the first seven", &take(file, 7)?, b"message")?;
        }
        files.push(pair);
    }
    drive::write(b"the last\n")?;
    for (number, (stays, again)) in files.iter().enumerate() {
        rewind(again)?;
        bytes("read anew", &take(again, 64)?, b"the last\n")?;
        let what = format!("the rest of message {number}");
        bytes(&what, &take(stays, 64)?, &text(number)[7..])?;
    }
    Ok(())
}

/// Descriptors of one open file (dup, fork) read the same message.
fn shared(_: &Context) -> anyhow::Result<()> {
    let file = drive::open()?;
    let copy = file.try_clone().context("duplicating the descriptor")?;
    bytes("the first two", &take(&file, 2)?, b"He")?;
    drive::write(b"another\n")?;
    bytes("the next two, from the copy", &take(&copy, 2)?, b"ll")?;
    bytes("the copy begins", &take_at(&copy, 0)?, b"another\n")?;
    bytes("and so did the other", &take(&file, 64)?, b"her\n")
}

fn own_write(_: &Context) -> anyhow::Result<()> {
    let file = drive::open_with(drive::FILE, OFlag::O_RDWR).context("opening for both")?;
    bytes("before", &take_at(&file, 0)?, GREETING)?;
    same("pwrite", pwrite(&file, b"mine\n", 0), Ok(5))?;
    bytes("still in the old one", &take_at(&file, 2)?, b"llo\n")?;
    bytes("at 0 the new one", &take_at(&file, 0)?, b"mine\n")?;
    // Nothing was read yet: after a write, the position is at the end of the message.
    let fresh = drive::open_with(drive::FILE, OFlag::O_RDWR).context("opening for both")?;
    same("write", nix::unistd::write(&fresh, b"whole\n"), Ok(6))?;
    bytes("behind it", &take(&fresh, 16)?, b"")
}

fn splice_goes_on(_: &Context) -> anyhow::Result<()> {
    let text = pattern(LIMIT);
    drive::write(&text)?;
    let file = drive::open()?;
    let (reader, writer) = nix::unistd::pipe2(OFlag::O_CLOEXEC).context("making a pipe")?;
    let splice = |count| {
        let none = SpliceFFlags::empty();
        nix::fcntl::splice(&file, None, &writer, None, count, none)
    };
    same("splice of the first part", splice(1000), Ok(1000))?;
    drive::write(b"short\n")?;
    same("splice of the rest", splice(LIMIT), Ok(LIMIT - 1000))?;
    same("splice at the end", splice(LIMIT), Ok(0))?;
    drop(writer);
    let mut got = Vec::new();
    File::from(reader).read_to_end(&mut got)?;
    bytes("what arrived", &got, &text)
}
