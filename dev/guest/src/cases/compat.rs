// SPDX-License-Identifier: GPL-2.0-only

//! The same calls from a 32-bit process.

use std::path::Path;

use nix::errno::Errno;

use crate::cases::Case;
use crate::cases::Context;
use crate::check::bytes;
use crate::check::same;
use crate::drive;
use crate::drive::GREETING;
use crate::i386::Program;
use crate::i386::call;

pub const CASES: &[Case] = &[
    Case::loaded("compat-32-bit-read", reads),
    Case::loaded("compat-32-bit-offsets", offsets),
    Case::loaded("compat-32-bit-vectors", vectors),
    Case::loaded("compat-32-bit-refusals", refusals),
    Case::loaded("compat-32-bit-writes", writes),
];

const FOLDER: &str = "/tmp";

/// The first descriptor that a new process opens.
const FIRST: u32 = 3;

const WHOLE: i32 = GREETING.len() as i32;

/// Returns the negative error number that the kernel returns.
fn error(errno: Errno) -> i32 {
    -(errno as i32)
}

/// Adds a call that opens a file.
fn open(program: &mut Program, path: &str, flags: i32) -> usize {
    let path = program.place(format!("{path}\0").as_bytes());
    program.call(call::OPEN, &[path, flags as u32, 0])
}

fn reads(_: &Context) -> anyhow::Result<()> {
    let mut program = Program::new();
    let opened = open(&mut program, drive::FILE, libc::O_RDONLY);
    let buffer = program.place(&[0xa5; 64]);
    let whole = program.call(call::READ, &[FIRST, buffer, 64]);
    let end = program.call(call::READ, &[FIRST, buffer + 32, 64]);
    let back = program.call(call::LSEEK, &[FIRST, 0, 0]);
    let pieces = program.place(&[0; 8]);
    let steps: Vec<usize> = (0..7)
        .map(|at| program.call(call::READ, &[FIRST, pieces + at, 1]))
        .collect();
    let bad = program.call(call::LSEEK, &[FIRST, 0, 0]);
    let fault = program.call(call::READ, &[FIRST, 16, 6]);
    let after = program.call(call::LSEEK, &[FIRST, 0, 1]);
    let outcome = program.run(Path::new(FOLDER))?;
    same("open", outcome.answer(opened), FIRST as i32)?;
    same("read of 64", outcome.answer(whole), WHOLE)?;
    bytes(
        "what it read",
        outcome.memory(buffer, GREETING.len()),
        GREETING,
    )?;
    bytes(
        "what lies behind",
        outcome.memory(buffer + 6, 58),
        &[0xa5; 58],
    )?;
    same("read at the end", outcome.answer(end), 0)?;
    same("lseek back", outcome.answer(back), 0)?;
    for (step, wanted) in steps.into_iter().zip([1, 1, 1, 1, 1, 1, 0]) {
        same("read of 1", outcome.answer(step), wanted)?;
    }
    bytes(
        "byte by byte",
        outcome.memory(pieces, GREETING.len()),
        GREETING,
    )?;
    same("lseek back", outcome.answer(bad), 0)?;
    same(
        "read to a bad buffer",
        outcome.answer(fault),
        error(Errno::EFAULT),
    )?;
    same("position after it", outcome.answer(after), 0)
}

/// In a 32-bit process an offset comes in two halves, and a position may not fit into one of them.
fn offsets(_: &Context) -> anyhow::Result<()> {
    let mut program = Program::new();
    open(&mut program, drive::FILE, libc::O_RDONLY);
    let buffer = program.place(&[0; 16]);
    let place = program.place(&[0; 8]);
    let at_two = program.call(call::PREAD64, &[FIRST, buffer, 16, 2, 0]);
    let far = program.call(call::PREAD64, &[FIRST, buffer + 8, 8, 2, 1]);
    let negative = program.call(call::PREAD64, &[FIRST, buffer + 8, 8, u32::MAX, u32::MAX]);
    let unmoved = program.call(call::LSEEK, &[FIRST, 0, 1]);
    let long = program.call(call::LLSEEK, &[FIRST, 1, 2, place, 0]);
    let there = program.call(call::READ, &[FIRST, buffer + 8, 8]);
    let asked = program.place(&[0; 8]);
    let still = program.call(call::LLSEEK, &[FIRST, 0, 0, asked, 1]);
    let from_end = program.call(call::LSEEK, &[FIRST, 0, 2]);
    let outcome = program.run(Path::new(FOLDER))?;
    same("pread64 at 2", outcome.answer(at_two), 4)?;
    bytes("what it read", outcome.memory(buffer, 4), &GREETING[2..])?;
    same("pread64 at 2^32 + 2", outcome.answer(far), 0)?;
    same(
        "pread64 at -1",
        outcome.answer(negative),
        error(Errno::EINVAL),
    )?;
    same("position after them", outcome.answer(unmoved), 0)?;
    same("_llseek to 2^32 + 2", outcome.answer(long), 0)?;
    bytes(
        "where it went",
        outcome.memory(place, 8),
        &((1u64 << 32) + 2).to_le_bytes(),
    )?;
    same("read there", outcome.answer(there), 0)?;
    same("_llseek by 0", outcome.answer(still), 0)?;
    bytes(
        "where it is",
        outcome.memory(asked, 8),
        &((1u64 << 32) + 2).to_le_bytes(),
    )?;
    same(
        "lseek from the end",
        outcome.answer(from_end),
        error(Errno::EINVAL),
    )
}

fn vectors(_: &Context) -> anyhow::Result<()> {
    let mut program = Program::new();
    open(&mut program, drive::FILE, libc::O_RDONLY);
    let first = program.place(&[0; 4]);
    let second = program.place(&[0; 16]);
    // A 32-bit iovec is two words; the second of the three is empty.
    let list: Vec<u8> = [first, 1, 0, 0, second, 16]
        .iter()
        .flat_map(|word: &u32| word.to_le_bytes())
        .collect();
    let list = program.place(&list);
    let read = program.call(call::READV, &[FIRST, list, 3]);
    let end = program.call(call::READV, &[FIRST, list, 3]);
    let third = program.place(&[0; 16]);
    let list: Vec<u8> = [third, 16]
        .iter()
        .flat_map(|word: &u32| word.to_le_bytes())
        .collect();
    let list = program.place(&list);
    let at_three = program.call(call::PREADV, &[FIRST, list, 1, 3, 0]);
    let outcome = program.run(Path::new(FOLDER))?;
    same("readv", outcome.answer(read), WHOLE)?;
    bytes("first buffer", outcome.memory(first, 1), &GREETING[..1])?;
    bytes("second buffer", outcome.memory(second, 5), &GREETING[1..])?;
    same("readv at the end", outcome.answer(end), 0)?;
    same("preadv at 3", outcome.answer(at_three), 3)?;
    bytes("what it read", outcome.memory(third, 3), &GREETING[3..])
}

/// Makes the same calls on any file, and returns the results for a comparison.
fn refused_by(path: &str) -> anyhow::Result<Vec<(&'static str, i32)>> {
    let mut program = Program::new();
    open(&mut program, path, libc::O_RDWR);
    let argument = program.place(&[0; 64]);
    // struct pollfd: descriptor, requested events, returned events.
    let poll = program.place(&[FIRST as u8, 0, 0, 0, 5, 0, 0, 0]);
    let calls = [
        (
            "ioctl TCGETS",
            program.call(call::IOCTL, &[FIRST, 0x5401, argument]),
        ),
        (
            "ioctl 0xdeadbeef",
            program.call(call::IOCTL, &[FIRST, 0xdead_beef, argument]),
        ),
        (
            "mmap2",
            program.call(call::MMAP2, &[0, 4096, 1, 2, FIRST, 0]),
        ),
        ("poll", program.call(call::POLL, &[poll, 1, 1000])),
    ];
    let outcome = program.run(Path::new(FOLDER))?;
    let mut answers = vec![("poll's events", i32::from(outcome.memory(poll, 8)[6]))];
    answers.extend(calls.map(|(name, call)| (name, outcome.answer(call))));
    Ok(answers)
}

fn refusals(_: &Context) -> anyhow::Result<()> {
    let ours = refused_by(drive::FILE)?;
    same(
        &format!("answers as on {}", drive::MODEL),
        &ours,
        &refused_by(drive::MODEL)?,
    )?;
    for (name, answer) in ours.iter().filter(|(name, _)| !name.starts_with("poll")) {
        anyhow::ensure!(*answer < 0, "{name} is not refused: {answer}");
    }
    drive::expect_present()
}

/// Checks each result, and the message after all writes, which a 32-bit process reads back too.
fn writes(_: &Context) -> anyhow::Result<()> {
    let mut program = Program::new();
    open(&mut program, drive::FILE, libc::O_RDWR);
    open(&mut program, drive::FILE, libc::O_WRONLY | libc::O_APPEND);
    let text = program.place(b"0123456789");
    let (first, second) = (text, text + 8);
    let list: Vec<u8> = [first, 3, second, 2]
        .iter()
        .flat_map(|word: &u32| word.to_le_bytes())
        .collect();
    let list = program.place(&list);
    let back = program.place(&[0; 32]);
    let calls = [
        ("write", program.call(call::WRITE, &[FIRST, text, 10]), 10),
        ("lseek", program.call(call::LSEEK, &[FIRST, 0, 1]), 10),
        (
            "pwrite64 at 4",
            program.call(call::PWRITE64, &[FIRST, text, 3, 4, 0]),
            3,
        ),
        (
            "append",
            program.call(call::WRITE, &[FIRST + 1, text, 1]),
            1,
        ),
        (
            "writev at 10",
            program.call(call::WRITEV, &[FIRST, list, 2]),
            error(Errno::EINVAL),
        ),
        ("lseek to 8", program.call(call::LSEEK, &[FIRST, 8, 0]), 8),
        (
            "writev at 8",
            program.call(call::WRITEV, &[FIRST, list, 2]),
            5,
        ),
        // The upper half of the offset counts.
        (
            "pwrite64 at 2^32",
            program.call(call::PWRITE64, &[FIRST, text, 1, 0, 1]),
            error(Errno::EINVAL),
        ),
        (
            "write from nowhere",
            program.call(call::WRITE, &[FIRST + 1, 16, 4]),
            error(Errno::EFAULT),
        ),
        (
            "write of 5000",
            program.call(call::PWRITE64, &[FIRST, text, 5000, 0, 0]),
            error(Errno::EFBIG),
        ),
        (
            "pread64",
            program.call(call::PREAD64, &[FIRST, back, 32, 0, 0]),
            13,
        ),
    ];
    let outcome = program.run(Path::new(FOLDER))?;
    for (name, call, wanted) in calls {
        same(name, outcome.answer(call), wanted)?;
    }
    bytes("the message", outcome.memory(back, 13), b"0123012001289")?;
    drive::expect("all that", b"0123012001289")
}
