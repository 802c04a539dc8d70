// SPDX-License-Identifier: GPL-2.0-only

//! Takes locks on files, with a time limit. Only users with write permission can open a lock file,
//! so nobody else can hold its lock.

use crate::system::child::{Stopped, interrupted};
use crate::system::names_in;
use anyhow::{Context, Result};
use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use std::fmt;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// The interval at which a waiting process tries again.
const PAUSE: Duration = Duration::from_millis(20);

/// Whether other processes can hold a lock at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// All that also take it in this way.
    Shared,
    /// None.
    Exclusive,
}

/// Other processes held the lock for too long.
#[derive(Debug)]
pub struct Busy {
    /// How long they were waited for.
    pub waited: Duration,
    /// The processes, as text for a message.
    pub holders: String,
}

impl fmt::Display for Busy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "waited {} s for {}", self.waited.as_secs(), self.holders)
    }
}

impl std::error::Error for Busy {}

/// Opens a lock file, and creates it if it does not exist.
///
/// # Errors
///
/// If it is a link, its directory does not exist, or this process may not write there.
pub fn open(path: &Path) -> Result<File, Errno> {
    let flags = OFlags::CREATE | OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::RUSR | Mode::WUSR).map(File::from)
}

/// Takes the lock of an open file, until the file is closed. Changes the lock if the file already
/// has one. Before it waits, calls `tell` with the processes that hold the lock.
///
/// # Errors
///
/// Returns [`Busy`] if they still hold it after `patience`, and an error if the user interrupts it.
pub fn take(file: &File, share: Share, patience: Duration, tell: impl FnOnce(&str)) -> Result<()> {
    let operation = match share {
        Share::Shared => FlockOperation::NonBlockingLockShared,
        Share::Exclusive => FlockOperation::NonBlockingLockExclusive,
    };
    let start = Instant::now();
    let mut tell = Some(tell);
    loop {
        match rustix::fs::flock(file, operation) {
            Ok(()) => return Ok(()),
            Err(Errno::WOULDBLOCK | Errno::INTR) => {}
            Err(error) => return Err(error).context("can't lock a file"),
        }
        if interrupted() {
            return Err(Stopped::Interrupted.into());
        }
        let waited = start.elapsed();
        if waited >= patience {
            let holders = holders(file);
            return Err(Busy { waited, holders }.into());
        }
        if let Some(tell) = tell.take() {
            tell(&holders(file));
        }
        thread::sleep(PAUSE);
    }
}

/// Returns the processes that hold the lock of a file, as text for a message.
fn holders(file: &File) -> String {
    match &*processes(file) {
        [] => "a process that can't be seen from here".to_owned(),
        [one] => format!("process {one}"),
        several => format!("processes {}", several.join(", ")),
    }
}

/// Lists the processes that hold a lock on a file, each with its ID and name. For each open file,
/// the kernel shows the locks that were taken through it, even in a child that inherited the file.
fn processes(file: &File) -> Vec<String> {
    let Ok(mine) = file.metadata() else {
        return Vec::new();
    };
    let holds = |process: &Path, descriptor: &str| {
        let there = fs::metadata(process.join("fd").join(descriptor));
        let same = there.is_ok_and(|there| (there.dev(), there.ino()) == (mine.dev(), mine.ino()));
        let info = process.join("fdinfo").join(descriptor);
        same && fs::read_to_string(info).is_ok_and(|info| info.contains("FLOCK"))
    };
    let mut found = Vec::new();
    for number in names_in(Path::new("/proc")) {
        if !number.starts_with(|c: char| c.is_ascii_digit()) {
            continue;
        }
        let process = Path::new("/proc").join(&number);
        let mut descriptors = names_in(&process.join("fd")).into_iter();
        if descriptors.any(|descriptor| holds(&process, &descriptor)) {
            let name = fs::read_to_string(process.join("comm")).unwrap_or_default();
            found.push(format!("{number} ({})", name.trim()));
        }
    }
    found
}
