// SPDX-License-Identifier: GPL-2.0-only

//! Writes that are refused change neither the message nor the position.

use std::fs::File;
use std::io::Write as _;
use std::os::fd::OwnedFd;

use anyhow::Context as _;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::fcntl::SpliceFFlags;
use nix::sys::uio::pwrite;
use nix::unistd::Whence;
use nix::unistd::lseek;
use nix::unistd::write;

use crate::cases::Case;
use crate::cases::Context;
use crate::cases::writing::pattern;
use crate::check::refused;
use crate::check::same;
use crate::drive;
use crate::drive::GREETING;
use crate::drive::LIMIT;
use crate::sys::Edge;

pub const CASES: &[Case] = &[
    Case::loaded("write-past-the-end-refused", past_the_end),
    Case::loaded("write-over-the-limit-refused", over_the_limit),
    Case::loaded("cat-of-a-big-file", cat_of_a_big_file),
    Case::loaded("write-of-nothing", of_nothing),
    Case::loaded("write-from-a-bad-buffer", bad_buffer),
    Case::loaded("write-needs-an-open-for-writing", not_open_for_writing),
    Case::loaded("splice-and-sendfile-to-it-refused", spliced_to_it),
];

fn open() -> anyhow::Result<OwnedFd> {
    drive::open_with(drive::FILE, OFlag::O_RDWR).context("opening to read and write")
}

/// Includes the limits of 31, 32 and 63 bits: no offset may wrap around into the message.
fn past_the_end(_: &Context) -> anyhow::Result<()> {
    let file = open()?;
    for offset in [
        7,
        4095,
        4096,
        4097,
        (1 << 31) - 1,
        1 << 31,
        1 << 32,
        (1 << 32) + 3,
        i64::MAX - 4096,
    ] {
        for count in [1, LIMIT, LIMIT + 1] {
            let what = format!("pwrite of {count} at {offset}");
            // More than fits is refused before anything is looked at, except by the kernel itself,
            // for which no file has such positions.
            let end = offset.checked_add(i64::try_from(count)?);
            let wanted = match count > LIMIT && end.is_some() {
                true => Errno::EFBIG,
                false => Errno::EINVAL,
            };
            refused(&what, pwrite(&file, &pattern(count), offset), wanted)?;
            drive::expect(&what, GREETING)?;
        }
        lseek(&file, offset, Whence::SeekSet).context("going there")?;
        let what = format!("write at {offset}");
        refused(&what, write(&file, b"x"), Errno::EINVAL)?;
        same("position after it", drive::position(&file)?, offset)?;
        drive::expect(&what, GREETING)?;
    }
    refused("pwrite at -1", pwrite(&file, b"x", -1), Errno::EINVAL)?;
    drive::expect("pwrite at -1", GREETING)
}

fn over_the_limit(_: &Context) -> anyhow::Result<()> {
    let file = open()?;
    for (offset, count) in [(0, LIMIT + 1), (1, LIMIT), (6, LIMIT - 5), (6, 1 << 20)] {
        let what = format!("pwrite of {count} at {offset}");
        refused(&what, pwrite(&file, &pattern(count), offset), Errno::EFBIG)?;
        drive::expect(&what, GREETING)?;
    }
    let full = pattern(LIMIT);
    drive::write(&full)?;
    refused(
        "pwrite at the limit",
        pwrite(&file, b"x", LIMIT as i64),
        Errno::EFBIG,
    )?;
    let flags = OFlag::O_WRONLY | OFlag::O_APPEND;
    let appending = drive::open_with(drive::FILE, flags).context("opening to append")?;
    refused(
        "append to a full message",
        write(&appending, b"x"),
        Errno::EFBIG,
    )?;
    same("position after it", drive::position(&appending)?, 0)?;
    drive::expect("appending to a full message", &full)
}

/// `cat big > mydrive`: each write is taken or refused as a whole, so the message is made of the
/// pieces before the first that did not fit. cat of coreutils writes 128 KiB at once, which leaves
/// the old message; cat of busybox writes 4 KiB at once, of which the first piece stays.
fn cat_of_a_big_file(_: &Context) -> anyhow::Result<()> {
    let big = pattern(200_000);
    for (piece, stands) in [(131_072, 0), (4096, 4096), (1000, 4000), (4097, 0)] {
        drive::write(GREETING)?;
        let file = drive::open_to_write()?;
        let mut written = 0;
        let error = loop {
            let part = &big[written..big.len().min(written + piece)];
            match write(&file, part) {
                Ok(got) => {
                    same("a piece of it", got, part.len())?;
                    written += got;
                }
                Err(error) => break error,
            }
        };
        let what = format!("cat in pieces of {piece}");
        same(&what, (error, written), (Errno::EFBIG, stands))?;
        let wanted = if stands == 0 {
            GREETING
        } else {
            &big[..stands]
        };
        drive::expect(&what, wanted)?;
    }
    Ok(())
}

/// A write of no bytes succeeds at any offset, from any address, and with O_APPEND.
fn of_nothing(_: &Context) -> anyhow::Result<()> {
    let file = open()?;
    let edge = Edge::new()?;
    for offset in [0, 3, 6, 7, 4096, 4097, 1 << 40] {
        same(
            &format!("pwrite of nothing at {offset}"),
            edge.write(&file, 0, 0, Some(offset)),
            Ok(0),
        )?;
    }
    lseek(&file, 3, Whence::SeekSet).context("going to 3")?;
    same("write of nothing", write(&file, b""), Ok(0))?;
    same("position after it", drive::position(&file)?, 3)?;
    let appending = drive::open_with(drive::FILE, OFlag::O_WRONLY | OFlag::O_APPEND)?;
    same("append of nothing", write(&appending, b""), Ok(0))?;
    same("position after it", drive::position(&appending)?, 0)?;
    drive::expect("writing nothing", GREETING)
}

/// The buffer is not mapped, or only in part: nothing is written.
fn bad_buffer(_: &Context) -> anyhow::Result<()> {
    let file = open()?;
    let mut edge = Edge::new()?;
    edge.fill_last(&pattern(4096));
    for (room, count) in [(0, 1), (0, 4090), (1, 2), (5, 4090), (4089, 4090)] {
        let what = format!("write of {count} of which {room} are there");
        refused(&what, edge.write(&file, room, count, None), Errno::EFAULT)?;
        same("position after it", drive::position(&file)?, 0)?;
        let got = edge.write(&file, room, count, Some(6));
        refused(&format!("p{what}"), got, Errno::EFAULT)?;
        drive::expect(&what, GREETING)?;
    }
    same(
        "write of what is there",
        edge.write(&file, 4096, 4096, None),
        Ok(4096),
    )?;
    drive::expect("writing what is there", &pattern(4096))
}

fn not_open_for_writing(_: &Context) -> anyhow::Result<()> {
    let file = drive::open()?;
    refused("write with O_RDONLY", write(&file, b"x"), Errno::EBADF)?;
    refused("pwrite with O_RDONLY", pwrite(&file, b"x", 0), Errno::EBADF)?;
    let file = drive::open_to_write()?;
    let got = nix::unistd::read(&file, &mut [0; 8]);
    refused("read with O_WRONLY", got, Errno::EBADF)?;
    drive::expect("all that", GREETING)
}

/// procfs accepts writes only from user memory, so splice and sendfile to the file fail.
fn spliced_to_it(_: &Context) -> anyhow::Result<()> {
    let (reader, writer) = nix::unistd::pipe2(OFlag::O_CLOEXEC).context("making a pipe")?;
    File::from(writer)
        .write_all(b"text")
        .context("filling it")?;
    let file = drive::open_to_write()?;
    let got = nix::fcntl::splice(&reader, None, &file, None, 4, SpliceFFlags::empty());
    refused("splice to it", got, Errno::EINVAL)?;
    const SOURCE: &str = "/tmp/sent";
    std::fs::write(SOURCE, "text").with_context(|| format!("making {SOURCE}"))?;
    let source = File::open(SOURCE).with_context(|| format!("opening {SOURCE}"))?;
    let got = nix::sys::sendfile::sendfile64(&file, &source, None, 4);
    refused("sendfile to it", got, Errno::EINVAL)?;
    drive::expect("both", GREETING)
}
