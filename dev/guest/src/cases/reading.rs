// SPDX-License-Identifier: GPL-2.0-only

//! Plain read(2).

use anyhow::Context as _;
use anyhow::ensure;
use nix::unistd::read;

use crate::cases::Case;
use crate::cases::Context;
use crate::check::bytes;
use crate::check::filled;
use crate::check::same;
use crate::drive;
use crate::drive::GREETING;
use crate::sys::Edge;

pub const CASES: &[Case] = &[
    Case::loaded("read-to-end", read_to_end),
    Case::loaded("read-in-small-pieces", read_in_small_pieces),
    Case::loaded("read-nothing", read_nothing),
    Case::loaded(
        "read-writes-only-what-it-returns",
        read_writes_only_what_it_returns,
    ),
    Case::loaded("read-huge-count", read_huge_count),
    Case::loaded("read-again-and-again", read_again_and_again),
];

fn read_to_end(_: &Context) -> anyhow::Result<()> {
    let file = drive::open()?;
    let mut buffer = [0; 4096];
    let got = read(&file, &mut buffer).context("first read")?;
    bytes("first read", filled(&buffer, got)?, GREETING)?;
    for what in ["read at the end", "second read at the end"] {
        same(what, read(&file, &mut buffer), Ok(0))?;
    }
    Ok(())
}

fn read_in_small_pieces(_: &Context) -> anyhow::Result<()> {
    for piece in 1..=8 {
        let file = drive::open()?;
        let mut buffer = vec![0; piece];
        for part in GREETING.chunks(piece) {
            let what = format!(
                "read of {piece} where {:?} comes",
                String::from_utf8_lossy(part)
            );
            let got = read(&file, &mut buffer).with_context(|| what.clone())?;
            bytes(&what, filled(&buffer, got)?, part)?;
        }
        same(
            &format!("read of {piece} at the end"),
            read(&file, &mut buffer),
            Ok(0),
        )?;
    }
    Ok(())
}

fn read_nothing(_: &Context) -> anyhow::Result<()> {
    let file = drive::open()?;
    same("read of 0 bytes at the start", read(&file, &mut []), Ok(0))?;
    same("position after it", drive::position(&file)?, 0)?;
    drive::expect_greeting("after a read of 0 bytes", &file)?;
    same("read of 0 bytes at the end", read(&file, &mut []), Ok(0))
}

/// The bytes after those that a read returns stay as they were.
fn read_writes_only_what_it_returns(_: &Context) -> anyhow::Result<()> {
    for count in 1..=16 {
        let file = drive::open()?;
        let mut edge = Edge::new()?;
        let got = edge
            .read(&file, 64, count, None)
            .with_context(|| format!("read of {count}"))?;
        let page = edge.last(64);
        bytes(
            &format!("read of {count}"),
            filled(page, got)?,
            &GREETING[..count.min(GREETING.len())],
        )?;
        ensure!(
            page[got..].iter().all(|byte| *byte == Edge::FILL),
            "read of {count} returned {got} and wrote more: {page:02x?}"
        );
    }
    Ok(())
}

/// A count far beyond the buffer does no harm, since only six bytes are returned.
fn read_huge_count(_: &Context) -> anyhow::Result<()> {
    for count in [4096, 65536, 1 << 20, 0x7fff_f000, 0x7fff_ffff] {
        let file = drive::open()?;
        let mut edge = Edge::new()?;
        let got = edge
            .read(&file, 4096, count, None)
            .with_context(|| format!("read of {count}"))?;
        bytes(
            &format!("read of {count}"),
            filled(edge.last(4096), got)?,
            GREETING,
        )?;
        same(
            "read at the end",
            edge.read(&file, 4096, count, None),
            Ok(0),
        )?;
    }
    Ok(())
}

fn read_again_and_again(_: &Context) -> anyhow::Result<()> {
    for round in 0..500 {
        drive::expect_greeting(&format!("round {round}"), drive::open()?)?;
    }
    Ok(())
}
