// SPDX-License-Identifier: GPL-2.0-only

//! Writes as shell tools make them.

use std::io::IoSlice;
use std::io::Write as _;

use anyhow::Context as _;
use nix::fcntl::OFlag;
use nix::sys::uio::pwrite;
use nix::sys::uio::writev;
use nix::unistd::Whence;
use nix::unistd::lseek;
use nix::unistd::write;

use crate::cases::Case;
use crate::cases::Context;
use crate::check::bytes;
use crate::check::same;
use crate::drive;
use crate::drive::GREETING;
use crate::drive::LIMIT;
use crate::module;
use crate::module::NAME;

pub const CASES: &[Case] = &[
    Case::loaded("write-replaces-the-message", replaces),
    Case::loaded("write-of-any-bytes", any_bytes),
    Case::loaded("write-of-every-length", every_length).within(120),
    Case::loaded("write-in-pieces-of-stdio", pieces_of_stdio),
    Case::loaded("write-in-blocks-of-odd-size", blocks_of_odd_size),
    Case::loaded("write-at-every-offset", every_offset),
    Case::loaded("append", append),
    Case::loaded("writev", writev_is_a_write_each),
    Case::loaded("copy-to-the-file", copy_to_the_file),
    Case::loaded("unload-forgets-the-message", unload_forgets),
];

/// Returns bytes that depend on their position, so that none can take another one's place.
pub fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|place| (place % 251) as u8).collect()
}

/// `echo text > mydrive`: a longer text, a shorter one, and the same again.
fn replaces(_: &Context) -> anyhow::Result<()> {
    for text in ["a longer text than before\n", "x\n", "x\n", "Hello\n"] {
        drive::write(text.as_bytes())?;
        drive::expect(&format!("echo {text:?}"), text.as_bytes())?;
    }
    Ok(())
}

/// NUL, line ends, and bytes that are not text.
fn any_bytes(_: &Context) -> anyhow::Result<()> {
    let all: Vec<u8> = (0..=255).rev().collect();
    for text in [&all[..], b"\0", b"\0\0\n\0", b"no line end", b"\n"] {
        drive::write(text)?;
        drive::expect("writing bytes", text)?;
    }
    Ok(())
}

fn every_length(_: &Context) -> anyhow::Result<()> {
    let whole = pattern(LIMIT);
    for length in (1..64)
        .chain((64..LIMIT).step_by(61))
        .chain([LIMIT - 1, LIMIT])
    {
        drive::write(&whole[..length])?;
        drive::expect(&format!("writing {length}"), &whole[..length])?;
    }
    Ok(())
}

/// Writes in pieces through one descriptor, and checks the position and the message after each.
fn in_pieces(what: &str, text: &[u8], piece: usize) -> anyhow::Result<()> {
    let file = drive::open_to_write()?;
    let mut end = 0;
    for part in text.chunks(piece) {
        same(what, write(&file, part), Ok(part.len()))?;
        end += part.len();
        same(
            &format!("{what}: position"),
            drive::position(&file)?,
            end as i64,
        )?;
        drive::expect(what, &text[..end])?;
    }
    Ok(())
}

/// `printf` of 3000 bytes, with stdio's buffer of 1024 bytes.
fn pieces_of_stdio(_: &Context) -> anyhow::Result<()> {
    in_pieces("printf of 3000 bytes", &pattern(3000), 1024)
}

/// `dd bs=...` with odd block sizes.
fn blocks_of_odd_size(_: &Context) -> anyhow::Result<()> {
    for size in [1, 7, 511, 1023, 1025, 4095, 4096] {
        let length = LIMIT.min(size * 100);
        in_pieces(&format!("dd bs={size}"), &pattern(length), size)?;
    }
    Ok(())
}

/// `dd conv=notrunc seek=...`: what comes before the offset stays, what comes after the data goes.
fn every_offset(_: &Context) -> anyhow::Result<()> {
    let file = drive::open_to_write()?;
    for offset in 0..=GREETING.len() {
        for data in [&b"x"[..], b"more than there was before"] {
            drive::write(GREETING)?;
            let wanted = [&GREETING[..offset], data].concat();
            let what = format!("pwrite of {} at {offset}", data.len());
            same(&what, pwrite(&file, data, offset as i64), Ok(data.len()))?;
            drive::expect(&what, &wanted)?;
            same("position after pwrite", drive::position(&file)?, 0)?;

            drive::write(GREETING)?;
            lseek(&file, offset as i64, Whence::SeekSet).context("going there")?;
            same("write there", write(&file, data), Ok(data.len()))?;
            drive::expect(&format!("write at {offset}"), &wanted)?;
            same(
                "position after write",
                drive::position(&file)?,
                wanted.len() as i64,
            )?;
            lseek(&file, 0, Whence::SeekSet).context("going back")?;
        }
    }
    Ok(())
}

/// `tee -a`, `>>`: at the end, whatever the position or the offset.
fn append(_: &Context) -> anyhow::Result<()> {
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_APPEND;
    let file = drive::open_with(drive::FILE, flags).context("opening to append")?;
    same("first append", write(&file, b"one\n"), Ok(4))?;
    same("position after it", drive::position(&file)?, 10)?;
    drive::expect("appending", b"Hello\none\n")?;
    lseek(&file, 2, Whence::SeekSet).context("going back")?;
    same("second append", write(&file, b"two\n"), Ok(4))?;
    same("position after it", drive::position(&file)?, 14)?;
    // As for any file on Linux, see BUGS in pwrite(2).
    same("pwrite", pwrite(&file, b"three\n", 1), Ok(6))?;
    same("position after it", drive::position(&file)?, 14)?;
    drive::expect("appending again", b"Hello\none\ntwo\nthree\n")?;
    // Another open file writes a message in between; then `fcntl` turns O_APPEND off and on.
    drive::write(b"new\n")?;
    same("third append", write(&file, b"four\n"), Ok(5))?;
    drive::expect("appending to another's message", b"new\nfour\n")?;
    let set = |flags| nix::fcntl::fcntl(&file, nix::fcntl::FcntlArg::F_SETFL(flags));
    set(OFlag::empty()).context("turning O_APPEND off")?;
    same("write at 0", pwrite(&file, b"five\n", 0), Ok(5))?;
    drive::expect("writing without O_APPEND", b"five\n")?;
    set(OFlag::O_APPEND).context("turning O_APPEND on")?;
    same("last append", pwrite(&file, b"six\n", 0), Ok(4))?;
    drive::expect("appending at last", b"five\nsix\n")
}

/// The kernel makes one call for each buffer, but the pieces arrive in order.
fn writev_is_a_write_each(_: &Context) -> anyhow::Result<()> {
    let file = drive::open_to_write()?;
    let parts = [&b"Hello "[..], b"", b"two ", b"buffers\n"].map(IoSlice::new);
    same("writev", writev(&file, &parts), Ok(18))?;
    same("position after it", drive::position(&file)?, 18)?;
    drive::expect("writev", b"Hello two buffers\n")?;
    // The buffer that fits is written; the one that does not is refused as a whole.
    let (fits, does_not) = (pattern(4000), pattern(97));
    let parts = [IoSlice::new(&fits), IoSlice::new(&does_not)];
    lseek(&file, 0, Whence::SeekSet).context("going back")?;
    same("writev of 4097", writev(&file, &parts), Ok(4000))?;
    drive::expect("writev of 4097", &fits)
}

/// The standard library tries copy_file_range, sendfile and splice first; it must not take a
/// failure of these for success.
fn copy_to_the_file(_: &Context) -> anyhow::Result<()> {
    const SOURCE: &str = "/tmp/source";
    let text = pattern(2000);
    std::fs::write(SOURCE, &text).with_context(|| format!("making {SOURCE}"))?;
    let got = std::fs::copy(SOURCE, drive::FILE).context("copying a file to it")?;
    same("copied", got, 2000)?;
    drive::expect("copying a file to it", &text)?;
    let mut file = std::fs::File::create(drive::FILE).context("creating it")?;
    file.write_all(b"written\n").context("write_all")?;
    drop(file);
    bytes("std::fs::read", &std::fs::read(drive::FILE)?, b"written\n")
}

fn unload_forgets(context: &Context) -> anyhow::Result<()> {
    drive::write(b"not for ever\n")?;
    module::unload(NAME).context("unloading")?;
    module::load_file(&context.driver).context("loading again")?;
    drive::expect_present()
}
