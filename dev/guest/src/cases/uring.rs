// SPDX-License-Identifier: GPL-2.0-only

//! Reads and writes through io_uring.

use std::os::fd::AsRawFd as _;
use std::os::fd::OwnedFd;

use anyhow::Context as _;
use anyhow::ensure;
use io_uring::IoUring;
use io_uring::opcode;
use io_uring::squeue::Entry;
use io_uring::types::Fd;

use crate::cases::Case;
use crate::cases::Context;
use crate::check::bytes;
use crate::check::filled;
use crate::check::same;
use crate::check::skip;
use crate::drive;
use crate::drive::GREETING;

pub const CASES: &[Case] = &[
    Case::loaded("io-uring-read", at_the_position),
    Case::loaded("io-uring-read-at-every-offset", at_every_offset),
    Case::loaded("io-uring-readv", vectored),
    Case::loaded("io-uring-many-at-once", many_at_once),
    Case::loaded("io-uring-write", writes),
];

/// The offset that stands for the file's position.
const POSITION: u64 = u64::MAX;

/// Creates a ring. Skips the case if this kernel has no io_uring for us.
fn ring(entries: u32) -> anyhow::Result<IoUring> {
    match IoUring::new(entries) {
        Ok(ring) => Ok(ring),
        Err(error) if matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EPERM)) => {
            skip(format!("no io_uring on this kernel: {error}"))
        }
        Err(error) => Err(error).context("making a ring"),
    }
}

/// Submits the requests, waits for all of them, and returns the results in the order of the
/// requests.
///
/// # Safety
///
/// All that the requests point to must live, and stay writable, until this returns.
unsafe fn complete(ring: &mut IoUring, requests: &[Entry]) -> anyhow::Result<Vec<i32>> {
    for (number, request) in requests.iter().enumerate() {
        let request = request.clone().user_data(number as u64);
        // SAFETY: the caller keeps all that the request points to.
        unsafe { ring.submission().push(&request) }.context("the ring is full")?;
    }
    let mut answers = vec![None; requests.len()];
    while answers.contains(&None) {
        ring.submit_and_wait(1).context("waiting for io_uring")?;
        for done in ring.completion() {
            answers[done.user_data() as usize] = Some(done.result());
        }
    }
    Ok(answers.into_iter().flatten().collect())
}

/// Makes one read of up to `count` bytes.
fn read(ring: &mut IoUring, file: &OwnedFd, count: u32, at: u64) -> anyhow::Result<Vec<u8>> {
    let mut buffer = vec![0; count as usize];
    let request = opcode::Read::new(Fd(file.as_raw_fd()), buffer.as_mut_ptr(), count).offset(at);
    // SAFETY: the buffer is written to by the kernel only, and outlives the call.
    let answer = unsafe { complete(ring, &[request.build()])? }[0];
    ensure!(
        answer >= 0,
        "read of {count} at {at:#x}: {}",
        nix::Error::from_raw(-answer)
    );
    Ok(filled(&buffer, answer as usize)?.to_vec())
}

fn at_the_position(_: &Context) -> anyhow::Result<()> {
    let mut ring = ring(4)?;
    let file = drive::open()?;
    bytes(
        "first two",
        &read(&mut ring, &file, 2, POSITION)?,
        &GREETING[..2],
    )?;
    bytes(
        "the rest",
        &read(&mut ring, &file, 4096, POSITION)?,
        &GREETING[2..],
    )?;
    bytes("at the end", &read(&mut ring, &file, 4096, POSITION)?, b"")
}

fn at_every_offset(_: &Context) -> anyhow::Result<()> {
    let mut ring = ring(4)?;
    let file = drive::open()?;
    for offset in 0..=GREETING.len() {
        let got = read(&mut ring, &file, 4096, offset as u64)?;
        bytes(&format!("from {offset}"), &got, &GREETING[offset..])?;
    }
    bytes(
        "far past the end",
        &read(&mut ring, &file, 4096, 1 << 40)?,
        b"",
    )?;
    same("position after them", drive::position(&file)?, 0)
}

fn vectored(_: &Context) -> anyhow::Result<()> {
    let mut ring = ring(4)?;
    let file = drive::open()?;
    let (mut first, mut second) = ([0u8; 1], [0u8; 16]);
    let vectors = [
        libc::iovec {
            iov_base: first.as_mut_ptr().cast(),
            iov_len: first.len(),
        },
        libc::iovec {
            iov_base: std::ptr::null_mut(),
            iov_len: 0,
        },
        libc::iovec {
            iov_base: second.as_mut_ptr().cast(),
            iov_len: second.len(),
        },
    ];
    let request = opcode::Readv::new(Fd(file.as_raw_fd()), vectors.as_ptr(), 3).offset(1);
    // SAFETY: both buffers and the list of them outlive the call.
    let answer = unsafe { complete(&mut ring, &[request.build()])? }[0];
    same("readv at 1", answer, 5)?;
    bytes("first buffer", &first, b"e")?;
    bytes("second buffer", &second[..4], b"llo\n")
}

fn many_at_once(_: &Context) -> anyhow::Result<()> {
    const MANY: usize = 64;
    let mut ring = ring(MANY as u32)?;
    let file = drive::open()?;
    let mut buffers = [[0u8; 8]; MANY];
    let requests: Vec<Entry> = buffers
        .iter_mut()
        .map(|buffer| {
            let length = buffer.len() as u32;
            opcode::Read::new(Fd(file.as_raw_fd()), buffer.as_mut_ptr(), length)
                .offset(0)
                .build()
        })
        .collect();
    // SAFETY: the buffers outlive the call.
    let answers = unsafe { complete(&mut ring, &requests)? };
    for (number, (answer, buffer)) in answers.iter().zip(&buffers).enumerate() {
        same(&format!("request {number}"), *answer, GREETING.len() as i32)?;
        bytes(
            &format!("request {number}"),
            &buffer[..GREETING.len()],
            GREETING,
        )?;
    }
    Ok(())
}

/// Makes one write, and returns its result.
fn write(ring: &mut IoUring, file: &OwnedFd, data: &[u8], at: u64) -> anyhow::Result<i32> {
    let (start, length) = (data.as_ptr(), data.len() as u32);
    let request = opcode::Write::new(Fd(file.as_raw_fd()), start, length).offset(at);
    // SAFETY: the data outlives the call.
    Ok(unsafe { complete(ring, &[request.build()])? }[0])
}

fn writes(_: &Context) -> anyhow::Result<()> {
    let mut ring = ring(4)?;
    let file = drive::open_to_write()?;
    same(
        "write at the position",
        write(&mut ring, &file, b"one\n", POSITION)?,
        4,
    )?;
    same(
        "write there again",
        write(&mut ring, &file, b"two\n", POSITION)?,
        4,
    )?;
    drive::expect("both", b"one\ntwo\n")?;
    same("write at 4", write(&mut ring, &file, b"2\n", 4)?, 2)?;
    drive::expect("write at 4", b"one\n2\n")?;
    let refused = write(&mut ring, &file, b"x", 7)?;
    same("write past the end", refused, -libc::EINVAL)?;
    let refused = write(&mut ring, &file, &[0; 4097], 0)?;
    same("write over the limit", refused, -libc::EFBIG)?;
    drive::expect("those refused", b"one\n2\n")
}
