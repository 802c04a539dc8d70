// SPDX-License-Identifier: GPL-2.0-only

//! The lock of a kernel's directory in the cache. One process at a time makes or removes trees
//! there, and none goes while a module is built with it.
//!
//! Only whoever may write to the cache can open the file, so that nobody else can hold the lock.
//! The directory may be removed with its lock while another waits for that: whoever has got a lock
//! looks whether it is still the one that others will find.

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

/// The file's name.
pub const NAME: &str = ".lock";

/// How long somebody else may hold it: twenty minutes are more than a rebuild takes on a slow
/// machine, and apt waits as long.
const PATIENCE: Duration = Duration::from_secs(20 * 60);

/// How often it is looked whether the other is done.
const PAUSE: Duration = Duration::from_millis(50);

/// What a lock is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum For {
    /// To build modules with a tree.
    Use,
    /// To make or remove trees.
    Change,
}

/// A lock, held until it is dropped.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
}

impl Lock {
    /// Takes the lock of `folder`; `None` if the folder, or the lock, went meanwhile.
    ///
    /// # Errors
    ///
    /// If the file can't be opened, or another process does not let go of it.
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
            // 0.1.0 made it so that everybody could open it: somebody may hold it for ever.
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

    /// Goes on to use what was changed; false if another process was faster, and the lock is to be
    /// taken again.
    ///
    /// # Errors
    ///
    /// As [`Lock::take`].
    pub fn downgrade(&self, release: &Release) -> Result<bool> {
        // The kernel gives one up before it gives the other.
        self.wait(For::Use, release, PATIENCE)?;
        Ok(self.is_current())
    }

    /// Whether children get the lock too. Compilers do: if this process is killed, those that it
    /// leaves still write, and the next builder waits until they are done.
    ///
    /// # Errors
    ///
    /// Those of the kernel.
    pub fn inherited(&self, inherited: bool) -> Result<()> {
        let flags = match inherited {
            true => FdFlags::empty(),
            false => FdFlags::CLOEXEC,
        };
        Ok(rustix::io::fcntl_setfd(&self.file, flags)?)
    }

    /// Whether it is the file that others find.
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
                    "{} has been at work on this kernel for {} s and more; once it has ended, try \
                     again",
                    self.holders(),
                    waited.as_secs()
                );
            }
            if !told {
                let holders = self.holders();
                eprintln!("dkms-rust: {release}: waiting for {holders}, at work on this kernel");
                told = true;
            }
            thread::sleep(PAUSE);
        }
    }

    /// The processes that hold the lock, in words.
    fn holders(&self) -> String {
        let holders = holders(&self.file);
        match &*holders {
            [] => "another process, which can't be seen from here,".to_owned(),
            [one] => format!("process {one}"),
            several => format!("processes {}", several.join(", ")),
        }
    }
}

/// The processes that hold a lock on a file, each by its number and name. The kernel shows for each
/// open file which locks were taken by it, also where a child has it from its parent.
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
    for number in crate::system::names(Path::new("/proc")) {
        if !number.starts_with(|c: char| c.is_ascii_digit()) {
            continue;
        }
        let process = Path::new("/proc").join(&number);
        let mut descriptors = crate::system::names(&process.join("fd")).into_iter();
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
        // Once more, since the file is another now.
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
