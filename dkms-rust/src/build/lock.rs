// SPDX-License-Identifier: GPL-2.0-only

//! The lock on a kernel's directory in the cache. Only one process at a time makes or removes trees
//! there, and no tree is removed while a module is built with it.
//!
//! The directory may be removed, together with its lock file, while another process waits for the
//! lock. So after taking a lock, a process checks that its file is still the one in the directory.

use crate::kernel::release::Release;
use crate::system::flock::{self, Busy, Share};
use crate::system::print::tell;
use anyhow::{Context, Result, anyhow};
use rustix::io::{Errno, FdFlags};
use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The name of the lock file.
pub const NAME: &str = ".lock";

/// How long to wait for another process. Twenty minutes are more than a rebuild takes on a slow
/// machine. apt has to wait for as long.
const PATIENCE: Duration = Duration::from_secs(20 * 60);

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
        let file = match flock::open(&path) {
            Ok(file) => file,
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => {
                return Err(error).with_context(|| format!("can't open {}", path.display()));
            }
        };
        if file.metadata()?.mode() & 0o077 != 0 {
            // Every user can open this file, so somebody may hold its lock forever.
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
        let share = match what {
            For::Use => Share::Shared,
            For::Change => Share::Exclusive,
        };
        let say_whom = |holders: &str| {
            tell(format_args!(
                "{release}: waiting for {holders} to finish with this kernel"
            ));
        };
        flock::take(&self.file, share, patience, say_whom).map_err(|error| {
            match error.downcast_ref::<Busy>() {
                Some(busy) => anyhow!("{busy} to finish with this kernel; try again later"),
                None => error,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::FlockOperation;
    use std::os::unix::fs::PermissionsExt;
    use std::process::{Command, Stdio};
    use std::thread;

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
