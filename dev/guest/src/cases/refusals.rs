// SPDX-License-Identifier: GPL-2.0-only

//! What the file does not support is refused in the same way as by the kernel's own seq files.

use std::os::fd::AsFd as _;
use std::os::fd::OwnedFd;

use anyhow::Context as _;
use anyhow::ensure;
use nix::errno::Errno;
use nix::fcntl::FallocateFlags;
use nix::fcntl::OFlag;
use nix::fcntl::PosixFadviseAdvice;
use nix::unistd::Whence;
use nix::unistd::lseek;

use crate::cases::Case;
use crate::cases::Context;
use crate::check::refused;
use crate::check::same;
use crate::drive;
use crate::sys;

pub const CASES: &[Case] = &[
    Case::loaded("truncation-does-no-harm", truncation_does_no_harm),
    Case::loaded("mmap-refused", mmap_refused),
    Case::loaded("ioctl-refused", ioctl_refused),
    Case::loaded("other-calls-as-on-proc-version", other_calls),
    Case::loaded("open-flags-as-on-proc-version", open_flags),
];

/// The result of a call.
type Answer = nix::Result<i64>;

/// Makes a call on our file and on the model, both freshly opened. Both must give the same result,
/// and the message must stay.
fn like_the_model(
    what: &str,
    flags: OFlag,
    call: impl Fn(&OwnedFd) -> Answer,
) -> anyhow::Result<Answer> {
    let open = |path| {
        drive::open_with(path, flags).with_context(|| format!("opening {path} with {flags:?}"))
    };
    let ours = call(&open(drive::FILE)?);
    same(
        &format!("{what} as on {}", drive::MODEL),
        ours,
        call(&open(drive::MODEL)?),
    )?;
    drive::expect_present().with_context(|| format!("after {what}"))?;
    Ok(ours)
}

fn truncation_does_no_harm(_: &Context) -> anyhow::Result<()> {
    let written = OFlag::O_WRONLY | OFlag::O_TRUNC;
    like_the_model("O_WRONLY | O_TRUNC", written, |_| Ok(0)).map(drop)?;
    like_the_model("O_RDONLY | O_TRUNC", OFlag::O_TRUNC, |_| Ok(0)).map(drop)?;
    for length in [0, 3, 4096] {
        like_the_model(&format!("ftruncate to {length}"), OFlag::O_RDWR, |fd| {
            nix::unistd::ftruncate(fd, length).map(|()| 0)
        })
        .map(drop)?;
    }
    let ours = nix::unistd::truncate(drive::FILE, 0);
    same(
        "truncate as on the model",
        ours,
        nix::unistd::truncate(drive::MODEL, 0),
    )?;
    drive::expect_present()
}

fn mmap_refused(_: &Context) -> anyhow::Result<()> {
    let answer = like_the_model("mmap", OFlag::O_RDONLY, |fd| {
        sys::map(fd.as_fd()).map(|()| 0)
    })?;
    ensure!(answer.is_err(), "mmap of the file works");
    Ok(())
}

fn ioctl_refused(_: &Context) -> anyhow::Result<()> {
    // Requests for terminals and block devices, and one that does not exist.
    for request in [libc::TCGETS, libc::TIOCGWINSZ, 0x1260, 0x4ead_beef] {
        let answer = like_the_model(&format!("ioctl {request:#x}"), OFlag::O_RDONLY, |fd| {
            sys::ioctl(fd.as_fd(), request).map(i64::from)
        })?;
        refused(&format!("ioctl {request:#x}"), answer, Errno::ENOTTY)?;
    }
    Ok(())
}

/// A rarer call: its name, the flags to open the file with, and the call.
struct Rare {
    name: &'static str,
    flags: OFlag,
    call: fn(&OwnedFd) -> Answer,
}

const RARE: &[Rare] = &[
    Rare {
        name: "fsync",
        flags: OFlag::O_RDONLY,
        call: |fd| nix::unistd::fsync(fd).map(|()| 0),
    },
    Rare {
        name: "fdatasync",
        flags: OFlag::O_RDONLY,
        call: |fd| nix::unistd::fdatasync(fd).map(|()| 0),
    },
    Rare {
        name: "fallocate",
        flags: OFlag::O_RDWR,
        call: |fd| nix::fcntl::fallocate(fd, FallocateFlags::empty(), 0, 16).map(|()| 0),
    },
    Rare {
        name: "posix_fadvise",
        flags: OFlag::O_RDONLY,
        call: |fd| {
            let advice = PosixFadviseAdvice::POSIX_FADV_WILLNEED;
            nix::fcntl::posix_fadvise(fd, 0, 16, advice).map(|()| 0)
        },
    },
    Rare {
        name: "FIONREAD",
        flags: OFlag::O_RDONLY,
        call: |fd| sys::ioctl(fd.as_fd(), libc::FIONREAD).map(i64::from),
    },
    Rare {
        name: "FIGETBSZ",
        flags: OFlag::O_RDONLY,
        call: |fd| sys::ioctl(fd.as_fd(), 2).map(i64::from),
    },
    Rare {
        name: "copy_file_range",
        flags: OFlag::O_RDONLY,
        call: copy_file_range,
    },
    Rare {
        name: "lseek with an unknown whence",
        flags: OFlag::O_RDONLY,
        call: |fd| sys::lseek_unknown(fd.as_fd()),
    },
    Rare {
        name: "lseek on O_WRONLY",
        flags: OFlag::O_WRONLY,
        call: |fd| lseek(fd, 3, Whence::SeekSet),
    },
];

fn copy_file_range(fd: &OwnedFd) -> Answer {
    let flags = OFlag::O_RDWR | OFlag::O_TMPFILE | OFlag::O_CLOEXEC;
    let target = nix::fcntl::open("/tmp", flags, nix::sys::stat::Mode::S_IRUSR)?;
    nix::fcntl::copy_file_range(fd, None, &target, None, 4).map(|copied| copied as i64)
}

fn other_calls(_: &Context) -> anyhow::Result<()> {
    for rare in RARE {
        // The result is the kernel's decision; we check only that both files give the same.
        let _ = like_the_model(rare.name, rare.flags, rare.call)?;
    }
    Ok(())
}

fn open_flags(_: &Context) -> anyhow::Result<()> {
    for flags in [
        OFlag::O_NONBLOCK,
        OFlag::O_DIRECT,
        OFlag::O_SYNC,
        OFlag::O_APPEND,
        OFlag::O_NOATIME,
        OFlag::O_NOFOLLOW,
        OFlag::O_DIRECTORY,
        OFlag::O_CREAT | OFlag::O_EXCL,
        OFlag::O_CREAT,
    ] {
        let ours = drive::open_with(drive::FILE, flags);
        let theirs = drive::open_with(drive::MODEL, flags);
        let what = format!("open with {flags:?}");
        same(&what, ours.as_ref().err(), theirs.as_ref().err())?;
        if let Ok(file) = ours {
            drive::expect_greeting(&what, &file)?;
        }
    }
    // Nothing can be made, removed or renamed there.
    let flags = OFlag::O_CREAT | OFlag::O_RDWR;
    for path in ["/proc/1999_proc/other", "/proc/1999_proc/mydrive/below"] {
        ensure!(
            drive::open_with(path, flags).is_err(),
            "{path} could be made"
        );
    }
    ensure!(
        std::fs::remove_file(drive::FILE).is_err(),
        "the file could be removed"
    );
    ensure!(
        std::fs::remove_dir(drive::DIRECTORY).is_err(),
        "the directory could be removed"
    );
    let renamed = std::fs::rename(drive::FILE, "/proc/1999_proc/other");
    ensure!(renamed.is_err(), "the file could be renamed");
    drive::expect_present()
}
