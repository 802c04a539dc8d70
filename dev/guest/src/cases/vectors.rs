// SPDX-License-Identifier: GPL-2.0-only

//! readv, preadv and preadv2: the same bytes, read into several buffers.

use std::io::IoSliceMut;

use anyhow::Context as _;
use anyhow::ensure;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::uio::preadv;
use nix::sys::uio::readv;

use crate::cases::Case;
use crate::cases::Context;
use crate::check::bytes;
use crate::check::filled;
use crate::check::refused;
use crate::check::same;
use crate::drive;
use crate::drive::GREETING;
use crate::sys::preadv2;

pub const CASES: &[Case] = &[
    Case::loaded("readv", readv_splits),
    Case::loaded("readv-numbers-of-buffers", readv_numbers_of_buffers),
    Case::loaded("preadv", preadv_splits),
    Case::loaded("preadv2", preadv2_splits),
    Case::loaded("preadv2-flags", preadv2_flags),
];

/// Buffer lengths: exact, uneven, empty at each place, too small, too large.
const SPLITS: &[&[usize]] = &[
    &[6],
    &[1, 1, 1, 1, 1, 1],
    &[1, 2, 3],
    &[3, 2, 1],
    &[0, 6],
    &[6, 0],
    &[0, 0, 2, 0, 4, 0],
    &[1, 0, 1],
    &[5, 4096],
    &[4096, 5],
    &[0],
    &[7, 7],
];

/// One buffer for each length.
struct Buffers(Vec<Vec<u8>>);

impl Buffers {
    fn new(lengths: &[usize]) -> Self {
        Self(lengths.iter().map(|&length| vec![0xa5; length]).collect())
    }

    fn slices(&mut self) -> Vec<IoSliceMut<'_>> {
        self.0
            .iter_mut()
            .map(|buffer| IoSliceMut::new(buffer))
            .collect()
    }

    /// Checks that the buffers contain `text`, as far as there is room, and are untouched after it.
    fn hold(&self, what: &str, got: usize, text: &[u8]) -> anyhow::Result<()> {
        let all = self.0.concat();
        let wanted = &text[..text.len().min(all.len())];
        bytes(what, filled(&all, got)?, wanted)?;
        ensure!(
            all[got..].iter().all(|byte| *byte == 0xa5),
            "{what} wrote more: {all:02x?}"
        );
        Ok(())
    }
}

fn readv_splits(_: &Context) -> anyhow::Result<()> {
    for lengths in SPLITS {
        let what = format!("readv into {lengths:?}");
        let file = drive::open()?;
        let mut buffers = Buffers::new(lengths);
        let got = readv(&file, &mut buffers.slices()).with_context(|| what.clone())?;
        buffers.hold(&what, got, GREETING)?;
        same(
            &format!("{what}, position"),
            drive::position(&file)?,
            got as i64,
        )?;
        let mut buffers = Buffers::new(lengths);
        let rest = readv(&file, &mut buffers.slices()).with_context(|| what.clone())?;
        buffers.hold(&format!("{what}, again"), rest, &GREETING[got..])?;
    }
    Ok(())
}

fn readv_numbers_of_buffers(_: &Context) -> anyhow::Result<()> {
    let file = drive::open()?;
    same("readv into no buffer", readv(&file, &mut []), Ok(0))?;
    let mut buffers = Buffers::new(&[1; 1024]);
    let got = readv(&file, &mut buffers.slices()).context("readv into 1024 buffers")?;
    buffers.hold("readv into 1024 buffers", got, GREETING)?;
    let mut buffers = Buffers::new(&[1; 1025]);
    refused(
        "readv into 1025 buffers",
        readv(&file, &mut buffers.slices()),
        Errno::EINVAL,
    )
}

fn preadv_splits(_: &Context) -> anyhow::Result<()> {
    let file = drive::open()?;
    for lengths in SPLITS {
        for offset in 0..=GREETING.len() {
            let what = format!("preadv into {lengths:?} at {offset}");
            let mut buffers = Buffers::new(lengths);
            let got = preadv(&file, &mut buffers.slices(), offset as i64)
                .with_context(|| what.clone())?;
            buffers.hold(&what, got, &GREETING[offset..])?;
        }
    }
    same("position after them", drive::position(&file)?, 0)?;
    let got = preadv(&file, &mut Buffers::new(&[1, 2]).slices(), -1);
    refused("preadv at -1", got, Errno::EINVAL)
}

fn preadv2_splits(_: &Context) -> anyhow::Result<()> {
    let file = drive::open()?;
    for lengths in SPLITS {
        for offset in 0..=GREETING.len() {
            let what = format!("preadv2 into {lengths:?} at {offset}");
            let mut buffers = Buffers::new(lengths);
            let got = preadv2(&file, &mut buffers.slices(), offset as i64, 0)
                .with_context(|| what.clone())?;
            buffers.hold(&what, got, &GREETING[offset..])?;
        }
    }
    same("position after them", drive::position(&file)?, 0)?;
    // The offset -1 means the position, as for readv.
    let mut buffers = Buffers::new(&[2, 1]);
    let got = preadv2(&file, &mut buffers.slices(), -1, 0).context("preadv2 at the position")?;
    buffers.hold("preadv2 at the position", got, GREETING)?;
    same("position after it", drive::position(&file)?, 3)
}

/// Our file must accept and refuse the same flags as the kernel's own.
fn preadv2_flags(_: &Context) -> anyhow::Result<()> {
    let model = drive::open_with(drive::MODEL, OFlag::O_RDONLY).context("opening the model")?;
    for (name, flag) in [
        ("RWF_HIPRI", libc::RWF_HIPRI),
        ("RWF_DSYNC", libc::RWF_DSYNC),
        ("RWF_SYNC", libc::RWF_SYNC),
        ("RWF_NOWAIT", libc::RWF_NOWAIT),
        ("RWF_APPEND", libc::RWF_APPEND),
        ("an unknown flag", 1 << 30),
    ] {
        let file = drive::open()?;
        let mut buffers = Buffers::new(&[6]);
        let ours = preadv2(&file, &mut buffers.slices(), 0, flag);
        let theirs = preadv2(&model, &mut Buffers::new(&[6]).slices(), 0, flag);
        same(
            &format!("preadv2 with {name} as on {}", drive::MODEL),
            ours,
            theirs,
        )?;
        if let Ok(got) = ours {
            buffers.hold(name, got, GREETING)?;
        }
    }
    Ok(())
}
