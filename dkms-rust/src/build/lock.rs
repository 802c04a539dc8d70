// SPDX-License-Identifier: GPL-2.0-only

//! The lock on a kernel's directory in the cache. Only one process at a time makes or removes trees
//! there, and no tree is removed while a module is built with it.
//!
//! Only users who can write to the cache can open the lock file, so nobody else can hold the lock.
//! The directory may be removed, together with its lock file, while another process waits for the
//! lock. So after taking a lock, a process checks that its file is still the one in the directory.

use crate::kernel::release::Release;
use crate::system::child::{Stopped, interrupted};
use anyhow::{Context, Result, bail};
use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::{Errno, FdFlags};
use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// The name of the lock file.
pub const NAME: &str = ".lock";

/// How long to wait for another process. Twenty minutes are more than a rebuild takes on a slow
/// machine. apt has to wait for as long.
const PATIENCE: Duration = Duration::from_secs(20 * 60);

/// The interval at which a waiting process tries again.
const PAUSE: Duration = Duration::from_millis(50);

/// The purpose of a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum For {
    /// To build modules with a tree. Several processes can do this at once.
    Use,
    /// To make or remove trees. Only one process can do this at a time.
    Change,
}

/// A lock, held until it is dropped.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
}

impl Lock {
    /// Takes the lock of `folder`. Returns `None` if the directory or the lock file was removed
    /// meanwhile.
    ///
    /// # Errors
    ///
    /// Returns an error if the file can't be opened, or another process holds the lock for too
    /// long.
    pub fn take(folder: &Path, what: For, release: &Release) -> Result<Option<Self>> {
        Self::take_within(folder, what, release, PATIENCE)
    }

    pub(super) fn take_within(
        folder: &Path,
        what: For,
        release: &Release,
        patience: Duration,
    ) -> Result<Option<Self>> {
        let path = folder.join(NAME);
        let flags = OFlags::CREATE | OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = match rustix::fs::open(&path, flags, Mode::RUSR | Mode::WUSR) {
            Ok(file) => File::from(file),
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => {
                return Err(error).with_context(|| format!("can't open {}", path.display()));
            }
        };
        if file.metadata()?.mode() & 0o077 != 0 {
            // Version 0.1.0 made a file that every user could open, so somebody may hold the lock
            // forever.
            return match fs::remove_file(&path) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    Err(error).with_context(|| format!("can't remove {}", path.display()))
                }
                _ => Ok(None),
            };
        }
        let lock = Self { file, path };
        lock.wait(what, release, patience)?;
        Ok(lock.is_current().then_some(lock))
    }

    /// Turns a lock for changes into one for use. Returns `false` if another process got in
    /// between; then the lock has to be taken again.
    ///
    /// # Errors
    ///
    /// See [`Lock::take`].
    pub fn downgrade(&self, release: &Release) -> Result<bool> {
        // The kernel releases the exclusive lock before it grants the shared one.
        self.wait(For::Use, release, PATIENCE)?;
        Ok(self.is_current())
    }

    /// Sets whether child processes inherit the lock. Compilers do: if this process is killed, they
    /// may still be writing, and the next process must wait for them.
    ///
    /// # Errors
    ///
    /// Returns an error if the kernel refuses.
    pub fn inherited(&self, inherited: bool) -> Result<()> {
        let flags = match inherited {
            true => FdFlags::empty(),
            false => FdFlags::CLOEXEC,
        };
        Ok(rustix::io::fcntl_setfd(&self.file, flags)?)
    }

    /// Returns whether the lock file is still the one in the directory.
    fn is_current(&self) -> bool {
        let same = || {
            let (mine, there) = (self.file.metadata()?, fs::symlink_metadata(&self.path)?);
            std::io::Result::Ok((mine.dev(), mine.ino()) == (there.dev(), there.ino()))
        };
        same().unwrap_or(false)
    }

    fn wait(&self, what: For, release: &Release, patience: Duration) -> Result<()> {
        let operation = match what {
            For::Use => FlockOperation::NonBlockingLockShared,
            For::Change => FlockOperation::NonBlockingLockExclusive,
        };
        let start = Instant::now();
        let mut told = false;
        loop {
            match rustix::fs::flock(&self.file, operation) {
                Ok(()) => return Ok(()),
                Err(Errno::WOULDBLOCK | Errno::INTR) => {}
                Err(error) => return Err(error).context("can't lock the cache"),
            }
            if interrupted() {
                return Err(Stopped::Interrupted.into());
            }
            let waited = start.elapsed();
            if waited >= patience {
                bail!(
                    "waited {} s for {} to finish with this kernel; try again later",
                    waited.as_secs(),
                    self.holders()
                );
            }
            if !told {
                let holders = self.holders();
                eprintln!("dkms-rust: {release}: waiting for {holders} to finish with this kernel");
                told = true;
            }
            thread::sleep(PAUSE);
        }
    }

    /// Returns the processes that hold the lock, as text for a message.
    fn holders(&self) -> String {
        let holders = holders(&self.file);
        match &*holders {
            [] => "a process that can't be seen from here".to_owned(),
            [one] => format!("process {one}"),
            several => format!("processes {}", several.join(", ")),
        }
    }
}

/// Lists the processes that hold a lock on a file, each with its ID and name. For each open file,
/// the kernel shows the locks that were taken through it, even in a child that inherited the file.
fn holders(file: &File) -> Vec<String> {
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
    for number in crate::system::names_in(Path::new("/proc")) {
        if !number.starts_with(|c: char| c.is_ascii_digit()) {
            continue;
        }
        let process = Path::new("/proc").join(&number);
        let mut descriptors = crate::system::names_in(&process.join("fd")).into_iter();
        if descriptors.any(|descriptor| holds(&process, &descriptor)) {
            let name = fs::read_to_string(process.join("comm")).unwrap_or_default();
            found.push(format!("{number} ({})", name.trim()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use std::process::{Command, Stdio};

    fn release() -> Release {
        "7.3.4-amd64".parse().unwrap()
    }

    fn take(folder: &Path, what: For) -> Result<Option<Lock>> {
        Lock::take_within(folder, what, &release(), Duration::from_millis(200))
    }

    #[test]
    fn only_who_may_write_there_can_open_a_lock() {
        let dir = tempfile::tempdir().unwrap();
        let lock = take(dir.path(), For::Change).unwrap().unwrap();
        let mode = fs::metadata(&lock.path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_lock_that_anybody_could_hold_makes_way() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(NAME);
        fs::write(&path, "").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let user_s = File::open(&path).unwrap();
        rustix::fs::flock(&user_s, FlockOperation::LockExclusive).unwrap();
        // The second attempt succeeds, because the first one removed the old file.
        assert!(take(dir.path(), For::Change).unwrap().is_none());
        assert!(take(dir.path(), For::Change).unwrap().is_some());
    }

    #[test]
    fn who_waits_knows_for_whom_and_gives_up() {
        let dir = tempfile::tempdir().unwrap();
        let used = take(dir.path(), For::Use).unwrap().unwrap();
        assert!(take(dir.path(), For::Use).unwrap().is_some());
        let error = take(dir.path(), For::Change).unwrap_err().to_string();
        let me = format!("process {} (", std::process::id());
        assert!(error.contains(&me), "{error}");
        drop(used);
        assert!(take(dir.path(), For::Change).unwrap().is_some());
    }

    #[test]
    fn compilers_hold_the_lock_and_a_module_s_own_processes_do_not() {
        let dir = tempfile::tempdir().unwrap();
        let start = || {
            let mut sleep = Command::new("sleep");
            sleep.arg("20").stdout(Stdio::null()).spawn().unwrap()
        };
        let lock = take(dir.path(), For::Change).unwrap().unwrap();
        lock.inherited(true).unwrap();
        let mut compiler = start();
        lock.inherited(false).unwrap();
        let mut module_s = start();
        drop(lock);
        let error = take(dir.path(), For::Change).unwrap_err().to_string();
        assert!(
            error.contains(&format!("process {} (", compiler.id())),
            "{error}"
        );
        compiler.kill().unwrap();
        compiler.wait().unwrap();
        assert!(take(dir.path(), For::Change).unwrap().is_some());
        module_s.kill().unwrap();
        module_s.wait().unwrap();
    }

    #[test]
    fn a_lock_that_was_removed_while_it_was_waited_for_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("kernel");
        fs::create_dir(&folder).unwrap();
        let removing = take(&folder, For::Change).unwrap().unwrap();
        thread::scope(|scope| {
            let waiting = scope.spawn(|| {
                let patience = Duration::from_secs(20);
                Lock::take_within(&folder, For::Use, &release(), patience).unwrap()
            });
            thread::sleep(Duration::from_millis(200));
            fs::remove_dir_all(&folder).unwrap();
            drop(removing);
            assert!(waiting.join().unwrap().is_none());
        });
        assert!(take(&folder, For::Use).unwrap().is_none());
    }
}
