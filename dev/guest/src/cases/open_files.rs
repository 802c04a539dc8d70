// SPDX-License-Identifier: GPL-2.0-only

//! Unloading while files or the directory are open.

use std::io::IoSliceMut;
use std::os::fd::AsFd as _;
use std::os::fd::OwnedFd;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context as _;
use anyhow::ensure;
use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::fcntl::SpliceFFlags;
use nix::poll::PollFd;
use nix::poll::PollFlags;
use nix::poll::PollTimeout;
use nix::sys::epoll::Epoll;
use nix::sys::epoll::EpollCreateFlags;
use nix::sys::epoll::EpollEvent;
use nix::sys::epoll::EpollFlags;
use nix::sys::stat::Mode;
use nix::unistd::Whence;
use nix::unistd::lseek;
use nix::unistd::read;

use crate::cases::Case;
use crate::cases::Context;
use crate::check::bytes;
use crate::check::filled;
use crate::check::refused;
use crate::drive;
use crate::drive::GREETING;
use crate::module;
use crate::module::NAME;
use crate::sys;

pub const CASES: &[Case] = &[
    Case::loaded("unload-with-file-open", with_file_open),
    Case::loaded("unload-with-file-half-read", with_file_half_read),
    Case::loaded("unload-with-ten-thousand-open", with_ten_thousand_open),
    Case::loaded("unload-with-messages-begun", with_messages_begun),
    Case::loaded("unload-with-file-in-epoll", with_file_in_epoll),
    Case::loaded("unload-with-directory-open", with_directory_open),
];

/// Unloads the driver, which must not wait for what is merely open.
fn unload_at_once() -> anyhow::Result<()> {
    let started = Instant::now();
    module::unload(NAME).context("unloading")?;
    let took = started.elapsed();
    ensure!(took < Duration::from_secs(10), "unloading took {took:?}");
    drive::expect_absent()
}

/// Checks that every use of the descriptor fails; closing it is left to the caller.
fn expect_dead(what: &str, file: &OwnedFd) -> anyhow::Result<()> {
    let mut buffer = [0; 16];
    refused(
        &format!("{what}: read"),
        read(file, &mut buffer),
        Errno::EIO,
    )?;
    for offset in [0, 3, 6, 4096] {
        let got = nix::sys::uio::pread(file, &mut buffer, offset);
        refused(&format!("{what}: pread at {offset}"), got, Errno::EIO)?;
    }
    let got = nix::sys::uio::readv(file, &mut [IoSliceMut::new(&mut buffer)]);
    refused(&format!("{what}: readv"), got, Errno::EIO)?;
    let (_reader, writer) = nix::unistd::pipe2(OFlag::O_CLOEXEC).context("making a pipe")?;
    let got = nix::fcntl::splice(file, None, &writer, None, 16, SpliceFFlags::empty());
    refused(&format!("{what}: splice"), got, Errno::EIO)?;
    for offset in [0, 3] {
        let got = nix::sys::uio::pwrite(file, b"text", offset);
        refused(&format!("{what}: pwrite at {offset}"), got, Errno::EIO)?;
    }
    refused(
        &format!("{what}: lseek"),
        lseek(file, 0, Whence::SeekSet),
        Errno::EINVAL,
    )?;
    refused(&format!("{what}: mmap"), sys::map(file.as_fd()), Errno::EIO)?;
    refused(
        &format!("{what}: ioctl"),
        sys::ioctl(file.as_fd(), libc::TCGETS),
        Errno::ENOTTY,
    )?;
    let mut fds = [PollFd::new(file.as_fd(), PollFlags::POLLIN)];
    let ready = nix::poll::poll(&mut fds, PollTimeout::from(10_000u16));
    ensure!(
        ready == Ok(1),
        "{what}: poll came to {ready:?}, it should not wait"
    );
    Ok(())
}

fn with_file_open(context: &Context) -> anyhow::Result<()> {
    let open = || drive::open_with(drive::FILE, OFlag::O_RDWR).context("opening for both");
    let (unread, read) = (open()?, open()?);
    drive::expect_greeting("before", &read)?;
    unload_at_once()?;
    expect_dead("never read", &unread)?;
    expect_dead("read before", &read)?;
    module::load_file(&context.driver).context("loading again")?;
    // The descriptors belong to the file that is gone, not to the new one.
    expect_dead("never read, after loading again", &unread)?;
    drive::expect_present()?;
    drop(unread);
    drive::expect_present().context("after closing an old descriptor")?;
    unload_at_once()?;
    expect_dead("read before, after unloading again", &read)?;
    drop(read);
    module::load_file(&context.driver).context("loading a third time")?;
    drive::expect_present()
}

fn with_file_half_read(context: &Context) -> anyhow::Result<()> {
    let file = drive::open_with(drive::FILE, OFlag::O_RDWR).context("opening for both")?;
    let mut buffer = [0; 3];
    let got = read(&file, &mut buffer).context("reading three")?;
    bytes("the first three", filled(&buffer, got)?, &GREETING[..3])?;
    unload_at_once()?;
    expect_dead("half read", &file)?;
    module::load_file(&context.driver).context("loading again")?;
    expect_dead("half read, after loading again", &file)
}

fn with_ten_thousand_open(context: &Context) -> anyhow::Result<()> {
    let files = (0..10_000)
        .map(|_| drive::open())
        .collect::<anyhow::Result<Vec<_>>>()?;
    for file in files.iter().step_by(2) {
        drive::expect_greeting("before", file)?;
    }
    unload_at_once()?;
    for file in &files {
        refused("read", read(file, &mut [0; 8]), Errno::EIO)?;
    }
    module::load_file(&context.driver).context("loading again")?;
    drop(files);
    drive::expect_present()
}

/// Each open file has begun its own message. Unloading ends all of them, and a later load does not
/// bring them back.
fn with_messages_begun(context: &Context) -> anyhow::Result<()> {
    let mut files = Vec::new();
    for number in 0..100 {
        let text = format!("message {number}\n");
        drive::write(text.as_bytes())?;
        let file = drive::open_with(drive::FILE, OFlag::O_RDWR).context("opening for both")?;
        let mut buffer = [0; 8];
        let got = read(&file, &mut buffer).context("reading eight")?;
        bytes("the first eight", filled(&buffer, got)?, b"message ")?;
        files.push(file);
    }
    let appending = drive::open_with(drive::FILE, OFlag::O_WRONLY | OFlag::O_APPEND)
        .context("opening to append")?;
    unload_at_once()?;
    files
        .iter()
        .try_for_each(|file| expect_dead("begun", file))?;
    module::load_file(&context.driver).context("loading again")?;
    drive::expect_present()?;
    drive::write(b"of the second\n")?;
    files
        .iter()
        .try_for_each(|file| expect_dead("begun before", file))?;
    let got = nix::unistd::write(&appending, b"text");
    refused("append by a descriptor from before", got, Errno::EIO)?;
    drop(files);
    drive::expect("closing descriptors from before", b"of the second\n")
}

fn with_file_in_epoll(context: &Context) -> anyhow::Result<()> {
    let file = drive::open_with(drive::FILE, OFlag::O_RDWR).context("opening for both")?;
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).context("making an epoll")?;
    epoll
        .add(&file, EpollEvent::new(EpollFlags::EPOLLIN, 0))
        .context("adding the file")?;
    unload_at_once()?;
    let ready = epoll.wait(&mut [EpollEvent::empty(); 1], 10_000u16);
    ensure!(
        ready == Ok(1),
        "epoll came to {ready:?}, it should not wait"
    );
    expect_dead("in an epoll", &file)?;
    drop(file);
    module::load_file(&context.driver).context("loading again")?;
    drive::expect_present()
}

/// The directory is open, and it is a process's working directory too.
fn with_directory_open(context: &Context) -> anyhow::Result<()> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let directory = drive::open_with(drive::DIRECTORY, flags).context("opening the directory")?;
    std::env::set_current_dir(drive::DIRECTORY).context("going there")?;
    unload_at_once()?;
    for what in ["after unloading", "after loading again"] {
        let below = nix::fcntl::openat(&directory, drive::ENTRY, OFlag::O_RDONLY, Mode::empty());
        refused(&format!("open below it {what}"), below, Errno::ENOENT)?;
        let here = drive::open_with(drive::ENTRY, OFlag::O_RDONLY);
        refused(&format!("open from inside {what}"), here, Errno::ENOENT)?;
        // Whether an unlinked directory is empty or returns an error is the kernel's decision; we
        // check only that it does not list the removed file.
        let copy = directory.try_clone().context("duplicating the directory")?;
        if let Ok(mut listing) = Dir::from_fd(copy) {
            for entry in listing.iter().flatten() {
                let name = entry.file_name().to_bytes();
                ensure!(
                    name.starts_with(b"."),
                    "{what} it lists {:?}",
                    entry.file_name()
                );
            }
        }
        if what == "after unloading" {
            module::load_file(&context.driver).context("loading again")?;
        }
    }
    drive::expect_present()
}
