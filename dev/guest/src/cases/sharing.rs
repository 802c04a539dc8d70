// SPDX-License-Identifier: GPL-2.0-only

//! Concurrent use of several descriptors, by threads and processes.

use std::thread;

use anyhow::Context as _;
use anyhow::anyhow;
use nix::unistd::read;

use crate::cases::Case;
use crate::cases::Context;
use crate::check::bytes;
use crate::check::filled;
use crate::drive;
use crate::drive::GREETING;
use crate::process::ended_well;
use crate::process::fork_to;

pub const CASES: &[Case] = &[
    Case::loaded("two-opens-have-a-position-each", two_opens),
    Case::loaded("duplicated-descriptor-shares-the-position", duplicated),
    Case::loaded("forked-descriptor-shares-the-position", forked),
    Case::loaded("ten-thousand-open-at-once", ten_thousand_open),
    Case::loaded("threads-read-at-once", threads_read),
    Case::loaded(
        "threads-read-one-descriptor-at-once",
        threads_read_one_descriptor,
    ),
    Case::loaded("processes-read-at-once", processes_read),
];

const READERS: usize = 4;
const ROUNDS: usize = 500;

/// Reads up to `count` bytes.
fn take(what: &str, fd: impl std::os::fd::AsFd, count: usize) -> anyhow::Result<Vec<u8>> {
    let mut buffer = vec![0; count];
    let got = read(fd, &mut buffer).with_context(|| what.to_owned())?;
    Ok(filled(&buffer, got)?.to_vec())
}

fn two_opens(_: &Context) -> anyhow::Result<()> {
    let (one, other) = (drive::open()?, drive::open()?);
    bytes("one, first part", &take("one", &one, 4)?, &GREETING[..4])?;
    drive::expect_greeting("the other, whole", &other)?;
    bytes("one, second part", &take("one", &one, 4)?, &GREETING[4..])
}

fn duplicated(_: &Context) -> anyhow::Result<()> {
    let file = drive::open()?;
    let copy = file.try_clone().context("duplicating the descriptor")?;
    bytes("the first three", &take("file", &file, 3)?, &GREETING[..3])?;
    bytes(
        "the rest, from the copy",
        &take("copy", &copy, 4096)?,
        &GREETING[3..],
    )?;
    bytes("at the end", &take("file", &file, 4096)?, b"")
}

fn forked(_: &Context) -> anyhow::Result<()> {
    let file = drive::open()?;
    bytes("the first two", &take("parent", &file, 2)?, &GREETING[..2])?;
    let child = fork_to(|| bytes("the next two", &take("child", &file, 2)?, &GREETING[2..4]))?;
    ended_well(child)?;
    bytes(
        "the last two",
        &take("parent", &file, 4096)?,
        &GREETING[4..],
    )
}

fn ten_thousand_open(_: &Context) -> anyhow::Result<()> {
    let files = (0..10_000)
        .map(|_| drive::open())
        .collect::<anyhow::Result<Vec<_>>>()?;
    // Interleaved, so that no descriptor can use what another one left behind.
    for part in GREETING.chunks(4) {
        for (number, file) in files.iter().enumerate() {
            let what = format!("descriptor {number} of {}", files.len());
            bytes(&what, &take(&what, file, 4)?, part)?;
        }
    }
    Ok(())
}

/// Runs `body` in several threads at once; returns the first error.
fn in_threads(body: impl Fn(usize) -> anyhow::Result<()> + Sync) -> anyhow::Result<()> {
    thread::scope(|scope| {
        let body = &body;
        let threads: Vec<_> = (0..READERS)
            .map(|number| scope.spawn(move || body(number)))
            .collect();
        for thread in threads {
            thread.join().map_err(|_| anyhow!("a reader panicked"))??;
        }
        Ok(())
    })
}

fn threads_read(_: &Context) -> anyhow::Result<()> {
    in_threads(|number| {
        (0..ROUNDS).try_for_each(|round| {
            drive::expect_greeting(&format!("thread {number}, round {round}"), drive::open()?)
        })
    })
}

/// pread never moves the position, so each thread gets all the bytes from its offset each time.
fn threads_read_one_descriptor(_: &Context) -> anyhow::Result<()> {
    let file = drive::open()?;
    in_threads(|number| {
        (0..ROUNDS).try_for_each(|round| {
            let what = format!("thread {number}, round {round}");
            let mut buffer = [0; 16];
            let start = round % GREETING.len();
            let got = nix::sys::uio::pread(&file, &mut buffer, start as i64)
                .with_context(|| what.clone())?;
            bytes(&what, filled(&buffer, got)?, &GREETING[start..])
        })
    })
}

fn processes_read(_: &Context) -> anyhow::Result<()> {
    let children = (0..READERS)
        .map(|number| {
            fork_to(|| {
                (0..ROUNDS).try_for_each(|round| {
                    let what = format!("process {number}, round {round}");
                    drive::expect_greeting(&what, drive::open()?)
                })
            })
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    children.into_iter().try_for_each(ended_well)
}
