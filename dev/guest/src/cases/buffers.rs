// SPDX-License-Identifier: GPL-2.0-only

//! Read buffers that are not mapped, or only in part.

use anyhow::Context as _;
use anyhow::ensure;
use nix::errno::Errno;

use crate::cases::Case;
use crate::cases::Context;
use crate::check::bytes;
use crate::check::filled;
use crate::check::refused;
use crate::check::same;
use crate::drive;
use crate::drive::GREETING;
use crate::sys::Edge;

pub const CASES: &[Case] = &[
    Case::loaded("bad-buffer", bad_buffer),
    Case::loaded(
        "bad-buffer-at-the-end-of-file",
        bad_buffer_at_the_end_of_file,
    ),
    Case::loaded("buffer-bad-in-part", buffer_bad_in_part),
];

fn bad_buffer(_: &Context) -> anyhow::Result<()> {
    let file = drive::open()?;
    let mut edge = Edge::new()?;
    for count in [1, 6, 4096] {
        let got = edge.read(&file, 0, count, None);
        refused(
            &format!("read of {count} to a bad buffer"),
            got,
            Errno::EFAULT,
        )?;
        same("position after it", drive::position(&file)?, 0)?;
        let got = edge.read(&file, 0, count, Some(2));
        refused(
            &format!("pread of {count} to a bad buffer"),
            got,
            Errno::EFAULT,
        )?;
    }
    drive::expect_greeting("read after them", &file)
}

/// Nothing is left to copy, so nothing can fault.
fn bad_buffer_at_the_end_of_file(_: &Context) -> anyhow::Result<()> {
    let file = drive::open()?;
    drive::expect_greeting("reading to the end", &file)?;
    let mut edge = Edge::new()?;
    same(
        "read at the end to a bad buffer",
        edge.read(&file, 0, 8, None),
        Ok(0),
    )?;
    same(
        "pread at the end to a bad buffer",
        edge.read(&file, 0, 8, Some(6)),
        Ok(0),
    )
}

/// A read returns as much as there is room for, or EFAULT; the position must agree.
fn buffer_bad_in_part(_: &Context) -> anyhow::Result<()> {
    for room in 1..GREETING.len() {
        for count in [GREETING.len(), 4096] {
            let what = format!("read of {count} to a buffer that ends after {room}");
            let file = drive::open()?;
            let mut edge = Edge::new()?;
            let read = match edge.read(&file, room, count, None) {
                Err(Errno::EFAULT) => 0,
                Ok(got) => {
                    ensure!((1..=room).contains(&got), "{what}: got {got}");
                    bytes(&what, filled(edge.last(room), got)?, &GREETING[..got])?;
                    got
                }
                Err(error) => return Err(error).context(what),
            };
            same(
                &format!("{what}, position"),
                drive::position(&file)?,
                read as i64,
            )?;
            let rest = drive::read_to_end(&file, 4096).with_context(|| what.clone())?;
            bytes(&format!("{what}, the rest"), &rest, &GREETING[read..])?;
        }
    }
    Ok(())
}
