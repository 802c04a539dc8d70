// SPDX-License-Identifier: GPL-2.0-only

//! Makes each operation that can fail in a call fail, one after the other. The call must report it
//! or succeed without it, and the entry must be complete or absent. Needs a kernel with fault
//! injection.

use std::io::IoSlice;
use std::io::IoSliceMut;
use std::os::fd::OwnedFd;

use anyhow::Context as _;
use anyhow::bail;
use anyhow::ensure;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::fcntl::SpliceFFlags;
use nix::sys::uio;

use crate::cases::Case;
use crate::cases::Context;
use crate::check::bytes;
use crate::check::same;
use crate::drive;
use crate::drive::FILE;
use crate::drive::GREETING;
use crate::faults::Faults;
use crate::faults::Sweep;
use crate::kmsg;
use crate::kmsg::Cursor;
use crate::module;
use crate::module::NAME;

pub const CASES: &[Case] = &[
    Case::absent("faults-in-loading", loading).within(1200),
    Case::loaded("faults-in-unloading", unloading).within(300),
    Case::loaded("faults-in-opening", opening).within(300),
    Case::loaded("faults-in-reading", reading).within(300),
    Case::loaded("faults-in-writing", writing).within(300),
    Case::loaded("faults-in-closing", closing).within(300),
    Case::loaded("faults-in-looking", looking).within(300),
];

/// The errors that a call may return if an allocation fails or the memory of the process can't be
/// read.
const REASONS: [Errno; 2] = [Errno::ENOMEM, Errno::EFAULT];

/// What the driver logs if it can't make its entry.
const CAN_NOT: &str = "can't make";

/// The driver's own allocations when it is loaded: directory, the greeting's bytes and the `Arc` of
/// the greeting, mutex, spinlock, state, file. Each must have failed once.
const IN_INIT: usize = 7;

fn right_reason(error: Errno, more: &[Errno]) -> anyhow::Result<()> {
    ensure!(
        REASONS.contains(&error) || more.contains(&error),
        "it failed for {error:?}"
    );
    Ok(())
}

fn say(what: &str, sweep: Sweep) -> anyhow::Result<()> {
    let Sweep { faults, refused } = sweep;
    kmsg::say(&format!(
        "guest: faults in {what}: {faults}, of which it refused {refused}"
    ));
    ensure!(refused > 0, "{what}: none of {faults} faults was seen");
    Ok(())
}

/// First without faults in page allocations, so that none of the driver's own allocations is
/// missed.
fn loading(context: &Context) -> anyhow::Result<()> {
    let faults = Faults::prepare()?;
    faults.of_pages(false)?;
    let in_init = load(context, &faults, "loading")?;
    ensure!(
        in_init >= IN_INIT,
        "{in_init} faults were in the driver's init, {IN_INIT} can be"
    );
    faults.of_pages(true)?;
    load(context, &faults, "loading, pages included").map(drop)
}

/// Loads the driver with each fault; returns how many faults were in the driver's own init.
fn load(context: &Context, faults: &Faults, what: &str) -> anyhow::Result<usize> {
    let mut log = Cursor::at_end()?;
    let mut in_init = 0;
    let file = drive::open_with(
        context.driver.to_str().context("the driver's path")?,
        OFlag::O_RDONLY,
    )
    .context("opening the driver")?;
    let sweep = faults.sweep(
        || Ok(()),
        |()| nix::kmod::finit_module(&file, c"", nix::kmod::ModuleInitFlags::empty()),
        |(), answer| {
            in_init += log
                .new_lines_of(NAME)?
                .iter()
                .filter(|line| line.contains(CAN_NOT))
                .count();
            match answer {
                Ok(()) => {
                    drive::expect_present()?;
                    module::unload(NAME).context("unloading")?;
                }
                // procfs does not say why it could not make the directory, so the driver returns
                // EBUSY.
                Err(error) => right_reason(error, &[Errno::EBUSY])?,
            }
            same("state", module::state(NAME)?, None)?;
            drive::expect_absent()
        },
    )?;
    kmsg::say(&format!(
        "guest: faults in {what}, in the driver's own init: {in_init}"
    ));
    say(what, sweep)?;
    Ok(in_init)
}

fn unloading(context: &Context) -> anyhow::Result<()> {
    let faults = Faults::prepare()?;
    let sweep = faults.sweep(
        || module::bring(module::Presence::Loaded, &context.driver),
        |()| module::unload(NAME),
        |(), answer| match answer {
            Ok(()) => drive::expect_absent(),
            // The kernel could not read the module's name.
            Err(error) => {
                right_reason(error, &[])?;
                drive::expect_present()
            }
        },
    )?;
    say("unloading", sweep)
}

/// Opens the file in different ways; the message must stay.
fn opening(_: &Context) -> anyhow::Result<()> {
    let faults = Faults::prepare()?;
    for flags in [
        OFlag::O_RDONLY,
        OFlag::O_RDWR,
        OFlag::O_WRONLY | OFlag::O_TRUNC,
        OFlag::O_WRONLY | OFlag::O_APPEND,
        OFlag::O_PATH,
    ] {
        let sweep = faults.sweep(
            || Ok(()),
            |()| drive::open_with(FILE, flags),
            |(), answer| {
                if let Err(error) = answer {
                    right_reason(error, &[])?;
                }
                drive::expect_present()
            },
        )?;
        say(&format!("opening with {flags:?}"), sweep)?;
    }
    Ok(())
}

/// A way to read the message into a buffer or a pipe.
type Read = fn(&OwnedFd, &OwnedFd, &mut [u8]) -> nix::Result<usize>;

const READS: &[(&str, Read)] = &[
    ("read", |file, _, buffer| nix::unistd::read(file, buffer)),
    ("pread", |file, _, buffer| uio::pread(file, buffer, 0)),
    ("readv", |file, _, buffer| {
        let (one, two) = buffer.split_at_mut(2);
        uio::readv(file, &mut [IoSliceMut::new(one), IoSliceMut::new(two)])
    }),
    ("splice", |file, pipe, _| {
        let flags = SpliceFFlags::SPLICE_F_NONBLOCK;
        nix::fcntl::splice(file, None, pipe, None, 64, flags)
    }),
    ("sendfile", |file, pipe, _| {
        nix::sys::sendfile::sendfile(pipe, file, None, 64)
    }),
];

fn reading(_: &Context) -> anyhow::Result<()> {
    let faults = Faults::prepare()?;
    for (name, read) in READS {
        let mut buffer = [0; 64];
        let sweep = faults.sweep(
            || Ok((drive::open()?, nix::unistd::pipe2(OFlag::O_CLOEXEC)?)),
            |(file, pipe)| read(file, &pipe.1, &mut buffer),
            |(file, pipe), answer| {
                let moves = *name != "pread";
                match answer {
                    Ok(count) => {
                        ensure!((1..=GREETING.len()).contains(&count), "read {count} bytes");
                        let at = if moves { count as i64 } else { 0 };
                        same("the position after it", drive::position(&file)?, at)?;
                    }
                    Err(error) => {
                        right_reason(error, &[])?;
                        same("the position after it", drive::position(&file)?, 0)?;
                    }
                }
                drop(pipe);
                let mut again = [0; 64];
                let got = uio::pread(&file, &mut again, 0).context("reading again")?;
                bytes("reading again", &again[..got], GREETING)
            },
        )?;
        say(name, sweep)?;
    }
    Ok(())
}

/// A way to write a text to the file.
type Write = fn(&OwnedFd, &[u8]) -> nix::Result<usize>;

const WRITES: &[(&str, OFlag, Write)] = &[
    ("write", OFlag::empty(), |file, text| {
        nix::unistd::write(file, text)
    }),
    ("pwrite", OFlag::empty(), |file, text| {
        uio::pwrite(file, text, 0)
    }),
    ("writev", OFlag::empty(), |file, text| {
        uio::writev(file, &[IoSlice::new(text)])
    }),
    ("write behind the rest", OFlag::empty(), |file, text| {
        uio::pwrite(file, text, 3)
    }),
    ("write with O_APPEND", OFlag::O_APPEND, |file, text| {
        nix::unistd::write(file, text)
    }),
];

fn writing(_: &Context) -> anyhow::Result<()> {
    const BEFORE: &[u8] = b"before\n";
    let text: Vec<u8> = (b'a'..=b'z').cycle().take(3000).collect();
    let faults = Faults::prepare()?;
    for (name, flags, write) in WRITES {
        let kept: &[u8] = match *name {
            "write behind the rest" => &BEFORE[..3],
            "write with O_APPEND" => BEFORE,
            _ => &[],
        };
        let after = [kept, &text].concat();
        let sweep = faults.sweep(
            || {
                drive::write(BEFORE)?;
                Ok(drive::open_with(FILE, OFlag::O_WRONLY | *flags)?)
            },
            |file| write(file, &text),
            |_file, answer| match answer {
                Ok(count) => {
                    same("bytes written", count, text.len())?;
                    drive::expect("it", &after)
                }
                Err(error) => {
                    right_reason(error, &[])?;
                    drive::expect("it was refused", BEFORE)
                }
            },
        )?;
        say(name, sweep)?;
    }
    Ok(())
}

/// Closing succeeds whatever fails. It must also release the message that the file began; the leak
/// check at the end sees that.
fn closing(_: &Context) -> anyhow::Result<()> {
    use std::os::fd::IntoRawFd as _;

    let faults = Faults::prepare()?;
    let sweep = faults.sweep(
        || {
            let file = drive::open_with(FILE, OFlag::O_RDWR)?;
            nix::unistd::read(&file, &mut [0; 2]).context("reading")?;
            uio::pwrite(&file, b"other\n", 0).context("writing")?;
            Ok(file.into_raw_fd())
        },
        |file| nix::unistd::close(*file),
        |_, answer| {
            same("closing", answer, Ok(()))?;
            drive::expect("closing", b"other\n")
        },
    )?;
    kmsg::say(&format!("guest: faults in closing: {}", sweep.faults));
    Ok(())
}

/// A call that looks at the entry and changes nothing.
type Look = fn() -> nix::Result<()>;

const LOOKS: &[(&str, Look)] = &[
    ("stat", || nix::sys::stat::stat(FILE).map(drop)),
    ("access", || {
        nix::unistd::access(FILE, nix::unistd::AccessFlags::R_OK)
    }),
    ("opening the directory", || {
        drive::open_with(drive::DIRECTORY, OFlag::O_DIRECTORY).map(drop)
    }),
];

fn looking(_: &Context) -> anyhow::Result<()> {
    let faults = Faults::prepare()?;
    for (name, look) in LOOKS {
        let sweep = faults.sweep(
            || Ok(()),
            |()| look(),
            |(), answer| {
                if let Err(error) = answer {
                    right_reason(error, &[])?;
                }
                drive::expect_present()
            },
        )?;
        say(name, sweep)?;
    }
    if drive::message()? != GREETING {
        bail!("looking has changed the message");
    }
    Ok(())
}
