// SPDX-License-Identifier: GPL-2.0-only

//! Concurrent readers and writers: nobody reads a mix, no write is lost, no memory is leaked.

use std::os::fd::AsFd;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context as _;
use anyhow::anyhow;
use anyhow::bail;
use anyhow::ensure;
use nix::fcntl::OFlag;
use nix::sys::uio::pread;
use nix::unistd::write;

use crate::cases::Case;
use crate::cases::Context;
use crate::check::filled;
use crate::check::same;
use crate::drive;
use crate::drive::LIMIT;
use crate::kmsg;
use crate::sealed::number_of;
use crate::sealed::sealed;
use crate::slab::Usage;

pub const CASES: &[Case] = &[
    Case::loaded("writer-and-eight-readers", writer_and_readers).within(600),
    Case::loaded("threads-pread-one-descriptor-while-written", one_descriptor).within(600),
    Case::loaded("appends-at-once-lose-nothing", appends_at_once),
    Case::loaded("writers-at-once-leave-one-message-whole", writers_at_once),
    Case::loaded("writing-takes-no-memory-for-good", memory_does_not_grow).within(120),
];

const READERS: usize = 8;

/// Runs the bodies in threads until the time is over or one fails. Returns how often each ran.
fn race(
    time: Duration,
    bodies: Vec<Box<dyn Fn(u64) -> anyhow::Result<()> + Send + '_>>,
) -> anyhow::Result<Vec<u64>> {
    let stop = AtomicBool::new(false);
    let end = Instant::now() + time;
    thread::scope(|scope| {
        let stop = &stop;
        let threads: Vec<_> = bodies
            .into_iter()
            .map(|body| {
                scope.spawn(move || {
                    let mut rounds = 0;
                    while !stop.load(Ordering::Relaxed) && Instant::now() < end {
                        body(rounds)
                            .inspect_err(|_| stop.store(true, Ordering::Relaxed))
                            .with_context(|| format!("round {rounds}"))?;
                        rounds += 1;
                    }
                    anyhow::Ok(rounds)
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().map_err(|_| anyhow!("a thread panicked"))?)
            .collect()
    })
}

/// Checks that each thread made more than ten rounds, and logs how many.
fn report(what: &str, rounds: &[u64]) -> anyhow::Result<()> {
    ensure!(rounds.iter().all(|count| *count > 10), "{what}: {rounds:?}");
    kmsg::say(&format!("guest: {what}, rounds of each: {rounds:?}"));
    Ok(())
}

/// Writes the message with the next number, in one write.
fn write_next(fd: impl AsFd, newest: &AtomicU64) -> anyhow::Result<()> {
    let number = newest.load(Ordering::Relaxed) + 1;
    let text = sealed(number);
    same(
        "a write",
        nix::sys::uio::pwrite(fd, &text, 0),
        Ok(text.len()),
    )?;
    newest.store(number, Ordering::Release);
    Ok(())
}

/// Half of the readers open the file each time, the others keep one descriptor. Every second reader
/// reads in pieces, so that writes come in between. No reader may get a message that is older than
/// the newest one that was written before it began.
fn writer_and_readers(context: &Context) -> anyhow::Result<()> {
    drive::write(&sealed(0))?;
    let newest = AtomicU64::new(0);
    let output = drive::open_to_write()?;
    let mut bodies: Vec<Box<dyn Fn(u64) -> anyhow::Result<()> + Send + '_>> =
        vec![Box::new(|_| write_next(&output, &newest))];
    for reader in 0..READERS {
        let newest = &newest;
        let stays = drive::open()?;
        bodies.push(Box::new(move |round| {
            let at_least = newest.load(Ordering::Acquire);
            let piece = [LIMIT, 1 + (round as usize * 37 + reader) % 1500][reader % 2];
            let text = if reader < READERS / 2 {
                drive::read_to_end(drive::open()?, piece)?
            } else {
                nix::unistd::lseek(&stays, 0, nix::unistd::Whence::SeekSet)?;
                drive::read_to_end(&stays, piece)?
            };
            let number = number_of(&text).context("what was read is no message")?;
            ensure!(
                number >= at_least,
                "read {number} after {at_least} was written"
            );
            Ok(())
        }));
    }
    let rounds = race(context.stress, bodies)?;
    report("a writer and eight readers", &rounds)
}

/// One thread reads at offset 0, which begins anew each time, and the others read at other offsets.
/// Each read must return a part of one message. The readers can't know of which one, but they see
/// whether the bytes belong together.
fn one_descriptor(context: &Context) -> anyhow::Result<()> {
    // A message is one letter, repeated; the letter determines how often.
    let letters = |number: u64| {
        let letter = b'a' + (number % 26) as u8;
        vec![letter; 1 + usize::from(letter - b'a') * 150]
    };
    drive::write(&letters(0))?;
    let (file, output) = (drive::open()?, drive::open_to_write()?);
    let read_at = |offset: usize| -> anyhow::Result<()> {
        let mut buffer = [0; LIMIT];
        let got = pread(&file, &mut buffer, offset as i64).context("pread")?;
        let Some((letter, rest)) = filled(&buffer, got)?.split_first() else {
            ensure!(offset > 0, "a message without bytes");
            return Ok(());
        };
        let length = 1 + usize::from(letter.wrapping_sub(b'a')) * 150;
        if rest.iter().any(|byte| byte != letter) || got != length.saturating_sub(offset) {
            bail!("pread at {offset} got {got} bytes, {letter:#x} first: a mix");
        }
        Ok(())
    };
    let mut bodies: Vec<Box<dyn Fn(u64) -> anyhow::Result<()> + Send + '_>> = vec![
        Box::new(|round| {
            let text = letters(round);
            same(
                "a write",
                nix::sys::uio::pwrite(&output, &text, 0),
                Ok(text.len()),
            )
        }),
        Box::new(|_| read_at(0)),
    ];
    for reader in 0..READERS / 2 {
        bodies.push(Box::new(move |round| {
            read_at(1 + (round as usize * 101 + reader * 997) % 3900)
        }));
    }
    let rounds = race(context.stress / 2, bodies)?;
    report("threads on one descriptor", &rounds)
}

/// Each thread appends its own lines; all must arrive whole.
fn appends_at_once(_: &Context) -> anyhow::Result<()> {
    const THREADS: usize = 4;
    const LINES: usize = 120;
    for round in 0..20 {
        drive::write(b"start.\n")?;
        thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS)
                .map(|thread| scope.spawn(move || append_lines(thread, LINES)))
                .collect();
            threads
                .into_iter()
                .try_for_each(|thread| thread.join().map_err(|_| anyhow!("it panicked"))?)
        })?;
        let text = drive::message()?;
        let mut lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
        same("the first line", lines.remove(0), &b"start.\n"[..])?;
        lines.sort_unstable();
        let wanted: Vec<String> = (0..THREADS)
            .flat_map(|thread| (0..LINES).map(move |line| self::line(thread, line)))
            .collect();
        ensure!(
            lines.iter().eq(wanted
                .iter()
                .map(String::as_bytes)
                .collect::<Vec<_>>()
                .iter()),
            "round {round}: {} lines of {} arrived whole",
            lines.len(),
            wanted.len()
        );
    }
    Ok(())
}

fn line(thread: usize, line: usize) -> String {
    format!("{thread} {line:03}\n")
}

fn append_lines(thread: usize, lines: usize) -> anyhow::Result<()> {
    let flags = OFlag::O_WRONLY | OFlag::O_APPEND;
    let file = drive::open_with(drive::FILE, flags).context("opening to append")?;
    (0..lines).try_for_each(|number| {
        let text = line(thread, number);
        same("an append", write(&file, text.as_bytes()), Ok(text.len()))
    })
}

/// Four threads write whole messages; the message must always be a whole one.
fn writers_at_once(context: &Context) -> anyhow::Result<()> {
    drive::write(&sealed(0))?;
    let mut bodies: Vec<Box<dyn Fn(u64) -> anyhow::Result<()> + Send>> = Vec::new();
    for writer in 0..4 {
        let file = drive::open_to_write()?;
        bodies.push(Box::new(move |round| {
            let text = sealed(round * 4 + writer);
            same(
                "a write",
                nix::sys::uio::pwrite(&file, &text, 0),
                Ok(text.len()),
            )?;
            number_of(&drive::message()?)
                .context("the message is not whole")
                .map(drop)
        }));
    }
    let rounds = race(context.stress / 5, bodies)?;
    report("four writers", &rounds)?;
    number_of(&drive::message()?).map(drop)
}

/// Writes thousands of messages, of which some are read, and some are held for a while by an open
/// file.
fn memory_does_not_grow(_: &Context) -> anyhow::Result<()> {
    const ROUNDS: u32 = 4000;
    let round = |number: u32| -> anyhow::Result<()> {
        drive::write(&sealed(u64::from(number)))?;
        let file = drive::open()?;
        nix::unistd::read(&file, &mut [0; 8]).context("reading")?;
        drive::write(&sealed(u64::from(number) + 1))?;
        nix::unistd::read(&file, &mut [0; LIMIT]).context("reading on")?;
        let refused = pread(&file, &mut [0; 8], -1);
        ensure!(refused.is_err(), "pread at -1: {refused:?}");
        Ok(())
    };
    (0..100).try_for_each(round)?;
    let before = Usage::settled()?;
    (0..ROUNDS).try_for_each(round)?;
    let now = Usage::settled()?;
    let leaks = now.leaks_since(&before, ROUNDS);
    ensure!(
        leaks.is_empty(),
        "after {ROUNDS} rounds {}",
        leaks.join(", ")
    );
    kmsg::say(&format!(
        "guest: after {ROUNDS} rounds of writing, most grown: {}",
        now.most_grown_since(&before)
    ));
    Ok(())
}
