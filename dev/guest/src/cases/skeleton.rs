// SPDX-License-Identifier: GPL-2.0-only

//! Checks the module that `dkms-rust new hello` writes.

use std::fs;
use std::fs::File;
use std::fs::OpenOptions;
use std::io::Read as _;
use std::os::unix::fs::FileExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::Context as _;
use anyhow::ensure;
use nix::errno::Errno;

use super::Case;
use super::Context;
use crate::check::same;
use crate::kmsg::Cursor;
use crate::module;

/// A suite of its own, without the driver.
pub const CASES: &[Case] = &[
    Case::any("skeleton-device-answers", device_answers),
    Case::any("skeleton-stays-while-it-is-open", stays_while_open),
    Case::any("skeleton-loads-again", |_| {
        for _ in 0..20 {
            load()?;
            unload()?;
        }
        Ok(())
    }),
    Case::any("skeleton-leaves-a-taken-name-alone", taken),
];

const MODULE: &str = "/hello.ko";
const DEVICE: &str = "/dev/hello";
const TEXT: &str = "Hello from hello\n";

fn load() -> anyhow::Result<()> {
    module::load_file(MODULE.as_ref()).context("loading it")
}

fn unload() -> anyhow::Result<()> {
    module::unload("hello").context("unloading it")?;
    ensure!(!Path::new(DEVICE).exists(), "{DEVICE} is still there");
    Ok(())
}

fn device_answers(_: &Context) -> anyhow::Result<()> {
    let mut log = Cursor::at_end()?;
    load()?;
    same("what it says", fs::read_to_string(DEVICE)?, TEXT.into())?;
    let mode = fs::metadata(DEVICE)?.permissions().mode() & 0o777;
    same("the device's mode", mode, 0o444)?;
    {
        let mut file = File::open(DEVICE)?;
        let mut part = [0; 5];
        file.read_exact(&mut part)?;
        same("the first bytes", &part, b"Hello")?;
        let mut rest = String::new();
        file.read_to_string(&mut rest)?;
        same("the rest", rest, TEXT[5..].into())?;
        same("bytes at the end", file.read(&mut part)?, 0)?;
        file.read_exact_at(&mut part, 11)?;
        same("bytes in the middle", &part, b"hello")?;
        same("bytes past the end", file.read_at(&mut part, 1000)?, 0)?;
    }
    let written = OpenOptions::new()
        .write(true)
        .open(DEVICE)
        .and_then(|file| file.write_at(b"x", 0));
    ensure!(written.is_err(), "it can be written");
    unload()?;
    let lines: Vec<_> = log.new_records()?.into_iter().map(|r| r.text).collect();
    for line in ["hello: loaded: /dev/hello", "hello: unloaded"] {
        ensure!(
            lines.iter().any(|said| said == line),
            "the log has no {line:?}: {lines:#?}"
        );
    }
    Ok(())
}

fn stays_while_open(_: &Context) -> anyhow::Result<()> {
    load()?;
    let mut file = File::open(DEVICE)?;
    let unloaded = module::unload("hello");
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    same("unloading it", unloaded, Err(Errno::EAGAIN))?;
    same("what it says", text, TEXT.into())?;
    drop(file);
    unload()
}

/// A module of the same name can't be loaded, and the first one's device stays.
fn taken(_: &Context) -> anyhow::Result<()> {
    load()?;
    let again = module::load_file(MODULE.as_ref());
    same("loading it twice", again, Err(Errno::EEXIST))?;
    same("what it says", fs::read_to_string(DEVICE)?, TEXT.into())?;
    unload()
}
