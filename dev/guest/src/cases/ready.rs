// SPDX-License-Identifier: GPL-2.0-only

//! poll, select and epoll: there is always something to read, so they never wait.

use std::fmt::Debug;
use std::os::fd::AsFd as _;
use std::os::fd::OwnedFd;

use anyhow::Context as _;
use anyhow::ensure;
use nix::fcntl::OFlag;
use nix::poll::PollFd;
use nix::poll::PollFlags;
use nix::poll::PollTimeout;
use nix::poll::poll;
use nix::sys::epoll::Epoll;
use nix::sys::epoll::EpollCreateFlags;
use nix::sys::epoll::EpollEvent;
use nix::sys::epoll::EpollFlags;
use nix::sys::epoll::EpollTimeout;
use nix::sys::select::FdSet;
use nix::sys::select::select;
use nix::sys::time::TimeVal;

use crate::cases::Case;
use crate::cases::Context;
use crate::check::same;
use crate::drive;

pub const CASES: &[Case] = &[
    Case::loaded("poll", poll_is_ready),
    Case::loaded("select", select_is_ready),
    Case::loaded("epoll", epoll_is_ready),
];

/// A timeout in milliseconds, far longer than an answer without waiting takes.
const PATIENCE: u16 = 10_000;

/// Checks that a readiness query gives the same answer for our file as for the kernel's own, at the
/// start and at the end of the file.
fn as_the_model<T, F>(what: &str, ask: F) -> anyhow::Result<T>
where
    T: Debug + PartialEq + Copy,
    F: Fn(&OwnedFd) -> nix::Result<T>,
{
    let model = drive::open_with(drive::MODEL, OFlag::O_RDONLY).context("opening the model")?;
    let file = drive::open()?;
    let answer = ask(&file);
    same(
        &format!("{what} as on {}", drive::MODEL),
        answer,
        ask(&model),
    )?;
    drive::expect_greeting("read after it", &file)?;
    same(&format!("{what} at the end"), ask(&file), ask(&model))?;
    answer.with_context(|| what.to_owned())
}

fn poll_is_ready(_: &Context) -> anyhow::Result<()> {
    let wanted = PollFlags::POLLIN | PollFlags::POLLPRI | PollFlags::POLLOUT;
    let (number, flags) = as_the_model("poll", |fd| {
        let mut fds = [PollFd::new(fd.as_fd(), wanted)];
        let number = poll(&mut fds, PollTimeout::from(PATIENCE))?;
        Ok((number, fds[0].revents()))
    })?;
    ensure!(
        number == 1 && flags.is_some_and(|flags| flags.contains(PollFlags::POLLIN)),
        "poll says {number} ready, {flags:?}; POLLIN is wanted"
    );
    Ok(())
}

fn select_is_ready(_: &Context) -> anyhow::Result<()> {
    let (number, readable) = as_the_model("select", |fd| {
        let mut set = FdSet::new();
        set.insert(fd.as_fd());
        let mut patience = TimeVal::new(i64::from(PATIENCE / 1000), 0);
        let number = select(None, &mut set, None, None, &mut patience)?;
        Ok((number, set.contains(fd.as_fd())))
    })?;
    ensure!(
        number == 1 && readable,
        "select says {number} ready, readable: {readable}"
    );
    Ok(())
}

fn epoll_is_ready(_: &Context) -> anyhow::Result<()> {
    let answer = as_the_model("epoll", |fd| {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        epoll.add(
            fd,
            EpollEvent::new(EpollFlags::EPOLLIN | EpollFlags::EPOLLOUT, 7),
        )?;
        let mut events = [EpollEvent::empty(); 2];
        let number = epoll.wait(&mut events, EpollTimeout::from(PATIENCE))?;
        Ok((number, events[0].data(), events[0].events()))
    })?;
    ensure!(
        answer.0 == 1 && answer.2.contains(EpollFlags::EPOLLIN),
        "epoll says {answer:?}; EPOLLIN is wanted"
    );
    Ok(())
}
