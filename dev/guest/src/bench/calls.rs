// SPDX-License-Identifier: GPL-2.0-only

//! The cost of a call in instructions, including the system call.

use std::os::fd::AsFd as _;

use anyhow::Context as _;
use anyhow::ensure;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use nix::sys::uio::pread;
use nix::sys::uio::pwrite;
use nix::unistd::Whence;
use nix::unistd::lseek;
use nix::unistd::read;

use super::Measure;
use super::in_turns;
use super::life::instructions;
use super::subjects::Subject;
use super::subjects::bring_all;
use super::subjects::message;
use crate::drive::GREETING;
use crate::drive::LIMIT;

/// The timer ticks every four million instructions, and a tick costs a few thousand. A round is so
/// short that most rounds have no tick, and so the median has none either.
const ROUNDS: usize = 21;

/// The approximate number of instructions in a round.
const ROUND: u32 = 1_000_000;

const SHORT: usize = GREETING.len();

/// The measures.
pub const MEASURES: &[Measure] = &[
    ("open-read-read-close", || {
        reads("open-read-read-close", SHORT, 8_000, cat)
    }),
    ("open-close", || {
        reads("open-close", SHORT, 6_000, open_close)
    }),
    ("pread", || reads("pread", SHORT, 1_000, pread_start)),
    ("pread-at-3", || {
        reads("pread-at-3", SHORT, 1_000, pread_at_3)
    }),
    ("pread-4096", || {
        reads("pread-4096", LIMIT, 1_500, pread_start)
    }),
    ("read-4096-by-64", || {
        reads("read-4096-by-64", LIMIT, 60_000, small_reads)
    }),
    ("write-6", || writes("write-6", SHORT, 2_000)),
    ("write-4096", || writes("write-4096", LIMIT, 3_500)),
];

/// Makes calls on a module, `times` times, and checks their results; `length` is the length of the
/// message. Returns the instructions of one of them.
type Calls = fn(&Subject, length: usize, times: u32) -> anyhow::Result<f64>;

fn reads(name: &str, length: usize, about: u32, calls: Calls) -> anyhow::Result<()> {
    bring_all(length)?;
    in_turns(
        name,
        ROUNDS,
        |_| true,
        |subject| calls(subject, subject.says(length), ROUND / about),
    )
}

fn writes(name: &str, length: usize, about: u32) -> anyhow::Result<()> {
    bring_all(length)?;
    let text = message(length);
    in_turns(name, ROUNDS, Subject::is_written, |subject| {
        let file = subject.open(OFlag::O_WRONLY)?;
        per_call(ROUND / about, length, || pwrite(&file, &text, 0))
    })
}

/// Returns the instructions of one call, averaged over many; each must return `wanted`.
fn per_call(
    times: u32,
    wanted: usize,
    mut call: impl FnMut() -> nix::Result<usize>,
) -> anyhow::Result<f64> {
    let mut wrong = None;
    let count = instructions(|| {
        for _ in 0..times {
            let got = call();
            if got != Ok(wanted) {
                wrong = Some(got);
            }
        }
        Ok(())
    })?;
    ensure!(
        wrong.is_none(),
        "a call came to {wrong:?} instead of {wanted} bytes"
    );
    Ok(count / f64::from(times))
}

/// Makes the calls that `cat` makes.
fn cat(subject: &Subject, length: usize, times: u32) -> anyhow::Result<f64> {
    let path = subject.path()?;
    let mut buffer = [0; LIMIT];
    per_call(times, length, || {
        let file = nix::fcntl::open(path.as_c_str(), OFlag::O_RDONLY, Mode::empty())?;
        Ok(read(&file, &mut buffer)? + read(&file, &mut buffer)?)
    })
}

fn open_close(subject: &Subject, _: usize, times: u32) -> anyhow::Result<f64> {
    let path = subject.path()?;
    per_call(times, 0, || {
        nix::fcntl::open(path.as_c_str(), OFlag::O_RDONLY, Mode::empty()).map(|_| 0)
    })
}

fn pread_start(subject: &Subject, length: usize, times: u32) -> anyhow::Result<f64> {
    pread_from(subject, length, times, 0)
}

fn pread_at_3(subject: &Subject, length: usize, times: u32) -> anyhow::Result<f64> {
    pread_from(subject, length, times, 3)
}

fn pread_from(subject: &Subject, length: usize, times: u32, offset: u8) -> anyhow::Result<f64> {
    let file = subject.open(OFlag::O_RDONLY)?;
    let file = file.as_fd();
    let mut buffer = [0; LIMIT];
    let wanted = length.saturating_sub(offset.into());
    per_call(times, wanted, || pread(file, &mut buffer, offset.into()))
}

/// Reads a message of 4096 bytes, 64 at a time: one seek to its start, 64 reads.
fn small_reads(subject: &Subject, length: usize, times: u32) -> anyhow::Result<f64> {
    const PIECES: usize = 64;
    let file = subject.open(OFlag::O_RDONLY)?;
    let mut buffer = [0; LIMIT / PIECES];
    per_call(times, length, || {
        let mut whole =
            usize::try_from(lseek(&file, 0, Whence::SeekSet)?).map_err(|_| Errno::EOVERFLOW)?;
        for _ in 0..PIECES {
            whole += read(&file, &mut buffer)?;
        }
        Ok(whole)
    })
    .context("small reads")
}
