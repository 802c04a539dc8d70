// SPDX-License-Identifier: GPL-2.0-only

//! pread and lseek: all valid offsets, and invalid ones.

use anyhow::Context as _;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::uio::pread;
use nix::unistd::Whence;
use nix::unistd::lseek;
use nix::unistd::read;

use crate::cases::Case;
use crate::cases::Context;
use crate::check::bytes;
use crate::check::filled;
use crate::check::refused;
use crate::check::same;
use crate::drive;
use crate::drive::GREETING;

pub const CASES: &[Case] = &[
    Case::loaded("pread-at-every-offset", pread_at_every_offset),
    Case::loaded("pread-past-the-end", pread_past_the_end),
    Case::loaded("pread-at-negative-offset", pread_at_negative_offset),
    Case::loaded("lseek-to-every-offset", lseek_to_every_offset),
    Case::loaded("lseek-back-reads-again", lseek_back_reads_again),
    Case::loaded("lseek-past-the-end", lseek_past_the_end),
    Case::loaded("lseek-to-negative", lseek_to_negative),
    Case::loaded("lseek-from-the-end-refused", lseek_from_the_end_refused),
];

/// Offsets where there is nothing: just past the end, around the limits of 31 and 32 bits, and up
/// to the largest position.
const PAST_THE_END: &[i64] = &[
    6,
    7,
    8,
    4095,
    4096,
    4097,
    (1 << 31) - 1,
    1 << 31,
    (1 << 32) - 1,
    1 << 32,
    (1 << 32) + 2,
    i64::MAX - 4096,
    i64::MAX - 8,
    i64::MAX - 6,
    i64::MAX - 1,
    i64::MAX,
];

/// How many bytes to read there.
const COUNT: usize = 8;

/// Returns the expected result of a read there: end of file, or the kernel's error for any file if
/// the last byte would be beyond the largest position.
fn nothing_at(offset: i64) -> nix::Result<usize> {
    match offset.checked_add(COUNT as i64) {
        Some(_) => Ok(0),
        None => Err(Errno::EINVAL),
    }
}

fn pread_at_every_offset(_: &Context) -> anyhow::Result<()> {
    let file = drive::open()?;
    for offset in 0..=GREETING.len() {
        for count in 1..=8 {
            let mut buffer = vec![0; count];
            let what = format!("pread of {count} at {offset}");
            let got = pread(&file, &mut buffer, offset as i64).with_context(|| what.clone())?;
            let rest = &GREETING[offset..];
            bytes(&what, filled(&buffer, got)?, &rest[..count.min(rest.len())])?;
        }
    }
    same("position after them", drive::position(&file)?, 0)?;
    drive::expect_greeting("read after them", &file)
}

fn pread_past_the_end(_: &Context) -> anyhow::Result<()> {
    let file = drive::open()?;
    for &offset in PAST_THE_END {
        let got = pread(&file, &mut [0; COUNT], offset);
        same(&format!("pread at {offset}"), got, nothing_at(offset))?;
    }
    drive::expect_greeting("read after them", &file)
}

fn pread_at_negative_offset(_: &Context) -> anyhow::Result<()> {
    let file = drive::open()?;
    for offset in [-1, -6, -(1 << 32), i64::MIN] {
        let got = pread(&file, &mut [0; 8], offset);
        refused(&format!("pread at {offset}"), got, Errno::EINVAL)?;
    }
    drive::expect_greeting("read after them", &file)
}

fn lseek_to_every_offset(_: &Context) -> anyhow::Result<()> {
    let file = drive::open()?;
    for start in 0..=6 {
        same("SEEK_SET", lseek(&file, start, Whence::SeekSet), Ok(start))?;
        same("position after it", drive::position(&file)?, start)?;
        let rest = drive::read_to_end(&file, 4).context("reading from there")?;
        bytes(
            &format!("from {start} on"),
            &rest,
            &GREETING[start as usize..],
        )?;
        for step in -start..=(6 - start) {
            lseek(&file, start, Whence::SeekSet).context("going back")?;
            let there = lseek(&file, step, Whence::SeekCur);
            same(
                &format!("SEEK_CUR by {step} from {start}"),
                there,
                Ok(start + step),
            )?;
            let rest = drive::read_to_end(&file, 4096).context("reading from there")?;
            bytes("from there on", &rest, &GREETING[(start + step) as usize..])?;
        }
    }
    Ok(())
}

fn lseek_back_reads_again(_: &Context) -> anyhow::Result<()> {
    let file = drive::open()?;
    for round in 0..10 {
        drive::expect_greeting(&format!("round {round}"), &file)?;
        same(
            "position at the end",
            drive::position(&file)?,
            GREETING.len() as i64,
        )?;
        same("going back", lseek(&file, 0, Whence::SeekSet), Ok(0))?;
    }
    // From the middle of the file too.
    read(&file, &mut [0; 3]).context("reading three")?;
    lseek(&file, 0, Whence::SeekSet).context("going back")?;
    drive::expect_greeting("back from the middle", &file)
}

fn lseek_past_the_end(_: &Context) -> anyhow::Result<()> {
    let file = drive::open()?;
    for &offset in PAST_THE_END {
        let what = format!("SEEK_SET to {offset}");
        same(&what, lseek(&file, offset, Whence::SeekSet), Ok(offset))?;
        same(
            &format!("{what}, read there"),
            read(&file, &mut [0; COUNT]),
            nothing_at(offset),
        )?;
        same(
            &format!("{what}, position after"),
            drive::position(&file)?,
            offset,
        )?;
    }
    lseek(&file, 0, Whence::SeekSet).context("going back")?;
    drive::expect_greeting("back from past the end", &file)
}

fn lseek_to_negative(_: &Context) -> anyhow::Result<()> {
    let file = drive::open()?;
    lseek(&file, 3, Whence::SeekSet).context("going to 3")?;
    for (offset, whence) in [
        (-1, Whence::SeekSet),
        (i64::MIN, Whence::SeekSet),
        (-4, Whence::SeekCur),
        (i64::MIN, Whence::SeekCur),
        (i64::MAX, Whence::SeekCur),
    ] {
        let what = format!("lseek by {offset} as {whence:?}");
        refused(&what, lseek(&file, offset, whence), Errno::EINVAL)?;
        same(
            &format!("{what}, position after"),
            drive::position(&file)?,
            3,
        )?;
    }
    let rest = drive::read_to_end(&file, 4096).context("reading after them")?;
    bytes("after them, from 3 on", &rest, &GREETING[3..])
}

/// Like the kernel's own seq files, the file has no end to seek from.
fn lseek_from_the_end_refused(_: &Context) -> anyhow::Result<()> {
    let file = drive::open()?;
    let model = drive::open_with(drive::MODEL, OFlag::O_RDONLY).context("opening the model")?;
    for whence in [Whence::SeekEnd, Whence::SeekData, Whence::SeekHole] {
        for offset in [-6, -1, 0, 1] {
            let what = format!("lseek by {offset} as {whence:?}");
            let got = lseek(&file, offset, whence);
            same(
                &format!("{what} as {} does", drive::MODEL),
                got,
                lseek(&model, offset, whence),
            )?;
            refused(&what, got, Errno::EINVAL)?;
        }
    }
    drive::expect_greeting("read after them", &file)
}
