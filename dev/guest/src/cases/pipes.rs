// SPDX-License-Identifier: GPL-2.0-only

//! splice and sendfile: reads without a buffer in user space.

use std::fs::File;
use std::io::Read as _;
use std::os::fd::OwnedFd;

use anyhow::Context as _;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::fcntl::SpliceFFlags;
use nix::fcntl::splice;
use nix::sys::sendfile::sendfile64;
use nix::sys::socket::AddressFamily;
use nix::sys::socket::SockFlag;
use nix::sys::socket::SockType;
use nix::sys::socket::socketpair;
use nix::unistd::pipe2;

use crate::cases::Case;
use crate::cases::Context;
use crate::check::bytes;
use crate::check::refused;
use crate::check::same;
use crate::drive;
use crate::drive::GREETING;

pub const CASES: &[Case] = &[
    Case::loaded("splice-to-pipe", splice_to_pipe),
    Case::loaded("splice-in-pieces", splice_in_pieces),
    Case::loaded("splice-at-an-offset", splice_at_an_offset),
    Case::loaded("sendfile-to-file", sendfile_to_file),
    Case::loaded("sendfile-to-socket", sendfile_to_socket),
    Case::loaded("sendfile-at-an-offset", sendfile_at_an_offset),
    Case::loaded("copy-by-the-standard-library", copy_by_the_standard_library),
];

/// Closes the write end, and reads all that is in the pipe or socket.
fn drain(reader: OwnedFd, writer: OwnedFd) -> anyhow::Result<Vec<u8>> {
    drop(writer);
    let mut all = Vec::new();
    File::from(reader)
        .read_to_end(&mut all)
        .context("reading what arrived")?;
    Ok(all)
}

fn splice_to_pipe(_: &Context) -> anyhow::Result<()> {
    let file = drive::open()?;
    let (reader, writer) = pipe2(OFlag::O_CLOEXEC).context("making a pipe")?;
    let none = SpliceFFlags::empty();
    let got = splice(&file, None, &writer, None, 65536, none);
    same("splice of all", got, Ok(GREETING.len()))?;
    same(
        "position after it",
        drive::position(&file)?,
        GREETING.len() as i64,
    )?;
    same(
        "splice at the end",
        splice(&file, None, &writer, None, 65536, none),
        Ok(0),
    )?;
    bytes("what arrived", &drain(reader, writer)?, GREETING)
}

fn splice_in_pieces(_: &Context) -> anyhow::Result<()> {
    for piece in 1..=7 {
        let file = drive::open()?;
        let (reader, writer) = pipe2(OFlag::O_CLOEXEC).context("making a pipe")?;
        for part in GREETING.chunks(piece) {
            let got = splice(&file, None, &writer, None, piece, SpliceFFlags::empty());
            same(&format!("splice of {piece}"), got, Ok(part.len()))?;
        }
        let got = splice(&file, None, &writer, None, piece, SpliceFFlags::empty());
        same("splice at the end", got, Ok(0))?;
        bytes(
            &format!("pieces of {piece}"),
            &drain(reader, writer)?,
            GREETING,
        )?;
    }
    Ok(())
}

fn splice_at_an_offset(_: &Context) -> anyhow::Result<()> {
    let file = drive::open()?;
    for start in 0..=GREETING.len() {
        let (reader, writer) = pipe2(OFlag::O_CLOEXEC).context("making a pipe")?;
        let mut offset = start as i64;
        let got = splice(
            &file,
            Some(&mut offset),
            &writer,
            None,
            4,
            SpliceFFlags::empty(),
        );
        let wanted = &GREETING[start..GREETING.len().min(start + 4)];
        same(&format!("splice at {start}"), got, Ok(wanted.len()))?;
        same("offset after it", offset, (start + wanted.len()) as i64)?;
        bytes(
            &format!("what arrived from {start}"),
            &drain(reader, writer)?,
            wanted,
        )?;
    }
    same("position after them", drive::position(&file)?, 0)?;
    let (_reader, writer) = pipe2(OFlag::O_CLOEXEC).context("making a pipe")?;
    let got = splice(
        &file,
        Some(&mut -1),
        &writer,
        None,
        4,
        SpliceFFlags::empty(),
    );
    refused("splice at -1", got, Errno::EINVAL)
}

fn sendfile_to_file(_: &Context) -> anyhow::Result<()> {
    const TARGET: &str = "/tmp/sendfile";
    let file = drive::open()?;
    let target = File::create(TARGET).with_context(|| format!("making {TARGET}"))?;
    let got = sendfile64(&target, &file, None, 4);
    same("sendfile of 4", got, Ok(4))?;
    same("position after it", drive::position(&file)?, 4)?;
    let got = sendfile64(&target, &file, None, 65536);
    same("sendfile of the rest", got, Ok(2))?;
    let got = sendfile64(&target, &file, None, 65536);
    same("sendfile at the end", got, Ok(0))?;
    let arrived = std::fs::read(TARGET).with_context(|| format!("reading {TARGET}"))?;
    bytes("what arrived", &arrived, GREETING)
}

fn sendfile_to_socket(_: &Context) -> anyhow::Result<()> {
    let file = drive::open()?;
    let (unix, stream) = (AddressFamily::Unix, SockType::Stream);
    let (reader, writer) =
        socketpair(unix, stream, None, SockFlag::SOCK_CLOEXEC).context("making sockets")?;
    let got = sendfile64(&writer, &file, None, 65536);
    same("sendfile of all", got, Ok(GREETING.len()))?;
    bytes("what arrived", &drain(reader, writer)?, GREETING)
}

fn sendfile_at_an_offset(_: &Context) -> anyhow::Result<()> {
    let file = drive::open()?;
    for start in 0..=GREETING.len() {
        let (reader, writer) = pipe2(OFlag::O_CLOEXEC).context("making a pipe")?;
        let mut offset = start as i64;
        let got = sendfile64(&writer, &file, Some(&mut offset), 65536);
        same(
            &format!("sendfile at {start}"),
            got,
            Ok(GREETING.len() - start),
        )?;
        same("offset after it", offset, GREETING.len() as i64)?;
        bytes("what arrived", &drain(reader, writer)?, &GREETING[start..])?;
    }
    same("position after them", drive::position(&file)?, 0)
}

/// The standard library tries copy_file_range, sendfile and splice before it reads. A file of size
/// 0 with content must not mislead it.
fn copy_by_the_standard_library(_: &Context) -> anyhow::Result<()> {
    const TARGET: &str = "/tmp/copy";
    let mut source = File::from(drive::open()?);
    let mut target = File::create(TARGET).with_context(|| format!("making {TARGET}"))?;
    let got = std::io::copy(&mut source, &mut target).context("copying to a file")?;
    same("copied", got, GREETING.len() as u64)?;
    let arrived = std::fs::read(TARGET).with_context(|| format!("reading {TARGET}"))?;
    bytes("what arrived", &arrived, GREETING)?;
    let whole = std::fs::read(drive::FILE).context("std::fs::read")?;
    bytes("std::fs::read", &whole, GREETING)?;
    drive::expect_greeting("read after them", drive::open()?)
}
