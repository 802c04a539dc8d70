// SPDX-License-Identifier: GPL-2.0-only

//! Child processes. If the user interrupts dkms-rust or a time limit expires, a child is ended with
//! everything that it started.
//!
//! Signals that ask dkms-rust to end are blocked, and polled while it waits for a child. The
//! current work then fails as it would for any other reason, so each caller removes its own
//! half-done files. At the very end the signal is unblocked and takes its default action.

use crate::system::names_in;
use nix::sys::signal::{SigSet, Signal as Asked};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{self, Pid, PidfdFlags, Signal, WaitOptions};
use std::fmt;
use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

/// The signals that ask a program to end.
const ASKED: [Asked; 3] = [Asked::SIGINT, Asked::SIGTERM, Asked::SIGHUP];

/// How long a program may take to end after it was asked to, and again after it was killed.
const GRACE: Duration = Duration::from_secs(5);

static SIGNALS: OnceLock<SignalFd> = OnceLock::new();

/// Why a child did not end by itself.
#[derive(Debug, PartialEq, Eq)]
pub enum Stopped {
    /// The user wants dkms-rust to end.
    Interrupted,
    /// It ran longer than this.
    TooLong(Duration),
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Interrupted => write!(f, "interrupted"),
            Self::TooLong(limit) => write!(f, "time limit of {} s reached", limit.as_secs()),
        }
    }
}

impl std::error::Error for Stopped {}

/// Blocks the signals that ask this process to end, so that [`interrupted`] reports them. Also
/// makes this process the parent of orphaned descendants.
///
/// # Errors
///
/// If the kernel does not permit it.
pub fn watch_signals() -> io::Result<()> {
    let ignored = ignored_signals();
    let mut set = SigSet::empty();
    // nohup and shell scripts ignore some signals; those stay ignored.
    for signal in ASKED {
        if ignored & 1 << (signal as u64 - 1) == 0 {
            set.add(signal);
        }
    }
    set.thread_block()?;
    let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
    SIGNALS.get_or_init(|| SignalFd::with_flags(&set, flags).expect("a signalfd can be made"));
    process::set_child_subreaper(Some(process::getpid()))?;
    Ok(())
}

/// Returns the mask of ignored signals, one bit per signal, as the kernel shows it.
fn ignored_signals() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or_default()
}

/// Returns whether a signal asked this process to end.
pub fn interrupted() -> bool {
    SIGNALS.get().is_some_and(|signals| {
        let mut fds = [PollFd::new(signals, PollFlags::IN)];
        poll(&mut fds, Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
    })
}

/// Lets a signal that has arrived end this process now.
pub fn end_if_interrupted() {
    if interrupted() {
        ASKED
            .iter()
            .copied()
            .collect::<SigSet>()
            .thread_unblock()
            .ok();
    }
}

/// A child and the processes that it starts, as long as they stay in its process group.
#[derive(Debug)]
pub struct Group {
    child: Child,
    id: Pid,
    ended: OwnedFd,
}

impl Group {
    /// Starts a command in a new process group.
    ///
    /// # Errors
    ///
    /// If it can't be run.
    pub fn spawn(command: &mut Command) -> io::Result<Self> {
        let child = command.process_group(0).spawn()?;
        let id = Pid::from_child(&child);
        let ended = process::pidfd_open(id, PidfdFlags::empty())?;
        Ok(Self { child, id, ended })
    }

    /// Takes the child's standard output, if that is a pipe.
    pub fn stdout(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// Waits until the child ends. On an interrupt, or after `limit`, ends the whole group.
    ///
    /// # Errors
    ///
    /// If the group was ended.
    pub fn wait(&mut self, limit: Option<Duration>) -> Result<(), Stopped> {
        let deadline = limit.map(|limit| (limit, Instant::now() + limit));
        let why = loop {
            if interrupted() {
                break Stopped::Interrupted;
            }
            let left = match deadline {
                None => None,
                Some((limit, end)) => match end.checked_duration_since(Instant::now()) {
                    None => break Stopped::TooLong(limit),
                    left => left,
                },
            };
            match self.ready(&[], left) {
                Ok(Ready { ended: false, .. }) => {}
                _ => return Ok(()),
            }
        };
        self.end();
        Err(why)
    }

    /// Reaps the child and returns how it ended. Processes that it started keep running.
    ///
    /// # Errors
    ///
    /// If waiting fails.
    pub fn leave(&mut self) -> io::Result<ExitStatus> {
        self.child.wait()
    }

    /// Waits until the child ends, `also` is readable, a signal arrives, or the time is up.
    pub fn ready(&self, also: &[BorrowedFd<'_>], time: Option<Duration>) -> io::Result<Ready> {
        let mut fds = vec![PollFd::new(&self.ended, PollFlags::IN)];
        fds.extend(
            also.iter()
                .map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN)),
        );
        if let Some(signals) = SIGNALS.get() {
            fds.push(PollFd::from_borrowed_fd(signals.as_fd(), PollFlags::IN));
        }
        let time = time.map(|time| Timespec::try_from(time).unwrap_or_default());
        match poll(&mut fds, time.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(Ready {
            ended: !fds[0].revents().is_empty(),
            readable: !also.is_empty() && !fds[1].revents().is_empty(),
        })
    }

    /// Ends the whole group: first with SIGTERM, then with SIGKILL.
    pub fn end(&mut self) {
        process::kill_process_group(self.id, Signal::TERM).ok();
        if !self.ends_within(GRACE) {
            process::kill_process_group(self.id, Signal::KILL).ok();
            if !self.ends_within(GRACE) {
                // It hangs in the kernel; nobody can do anything about that.
                return;
            }
        }
        self.sweep();
    }

    /// Kills what is left of the group after the child has ended, waits until that is gone, and
    /// returns how the child ended.
    pub fn sweep(&mut self) -> Option<ExitStatus> {
        // The child has not been reaped yet, so its process ID can't have been reused.
        process::kill_process_group(self.id, Signal::KILL).ok();
        let status = self.child.wait().ok();
        let end = Instant::now() + GRACE;
        while process::test_kill_process_group(self.id).is_ok() && Instant::now() < end {
            match process::waitpgid(self.id, WaitOptions::NOHANG) {
                Ok(Some(_)) => {}
                _ => thread::sleep(Duration::from_millis(1)),
            }
        }
        status
    }

    fn ends_within(&self, time: Duration) -> bool {
        let end = Instant::now() + time;
        let mut fds = [PollFd::new(&self.ended, PollFlags::IN)];
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let left = Timespec::try_from(left).unwrap_or_default();
            match poll(&mut fds, Some(&left)) {
                Err(Errno::INTR) => {}
                other => return other.is_ok_and(|ready| ready > 0),
            }
        }
    }
}

/// Kills what the children of this process left running outside of their process groups. Only for
/// a process without other children, which watches signals.
pub fn end_orphans() {
    let end = Instant::now() + GRACE;
    loop {
        let children = children();
        if children.is_empty() || Instant::now() > end {
            return;
        }
        for child in children {
            process::kill_process(child, Signal::KILL).ok();
        }
        while let Ok(Some(_)) = process::wait(WaitOptions::NOHANG) {}
        thread::sleep(Duration::from_millis(1));
    }
}

/// Returns the processes whose parent this process is.
fn children() -> Vec<Pid> {
    let own = process::getpid().as_raw_nonzero().to_string();
    let is_own = |pid: &String| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // The name of the program is in parentheses, and may contain anything.
        let parent = stat
            .rsplit_once(") ")
            .and_then(|(_, rest)| rest.split(' ').nth(1));
        parent == Some(&own)
    };
    let pids = names_in(Path::new("/proc")).into_iter().filter(is_own);
    pids.filter_map(|pid| Pid::from_raw(pid.parse().ok()?))
        .collect()
}

/// What [`Group::ready`] found.
#[derive(Debug)]
pub struct Ready {
    /// The child has ended.
    pub ended: bool,
    /// There is something to read, or the end of the file.
    pub readable: bool,
}

#[cfg(test)]
#[path = "child_tests.rs"]
mod tests;
