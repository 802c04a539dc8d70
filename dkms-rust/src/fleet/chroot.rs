// SPDX-License-Identifier: GPL-2.0-only

//! The chroots in which a suite's own compilers build for its kernels. Each build unpacks a
//! [`tarball`](super::tarball) and throws the chroot away afterwards.

use super::config::Suite;
use crate::system::mounts::separate;
use crate::system::names_in;
use crate::system::run::status;
use crate::system::search::program;
use anyhow::{Context, Result, bail, ensure};
use rustix::mount::{mount_bind, mount_bind_recursive};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::thread;

/// What a chroot shares with this machine.
const SHARED: [&str; 2] = ["/dev", "/proc"];

/// The directory in a chroot for what is handed to it and for what it makes.
pub const OUTPUT: &str = "/srv/fleet";

/// A chroot of a suite.
pub struct Chroot {
    root: PathBuf,
    mounts: Vec<(PathBuf, PathBuf)>,
    log: PathBuf,
}

impl Chroot {
    /// Unpacks a tarball into the new directory `root`. The chroot sees the first path of each of
    /// `mounts` at the second.
    ///
    /// # Errors
    ///
    /// If it can't be unpacked.
    pub fn open(
        tarball: &Path,
        root: PathBuf,
        mounts: Vec<(PathBuf, PathBuf)>,
        log: PathBuf,
    ) -> Result<Self> {
        fs::create_dir_all(&root).with_context(|| format!("can't create {}", root.display()))?;
        let chroot = Self { root, mounts, log };
        let mut unpack = Command::new(program("tar"));
        unpack.args(["--numeric-owner", "--exclude=./dev/*", "-xf"]);
        unpack.arg(tarball).arg("-C").arg(&chroot.root);
        let file = create(&chroot.log)?;
        unpack.stdout(file.try_clone()?).stderr(file);
        let ended = status(&mut unpack, "tar")?;
        ensure!(ended.success(), "tar failed:\n{}", end_of(&chroot.log));
        // The name servers may have changed since.
        for name in ["etc/resolv.conf", "etc/hosts"] {
            let to = chroot.root.join(name);
            fs::remove_file(&to).ok();
            fs::copy(Path::new("/").join(name), to).ok();
        }
        Ok(chroot)
    }

    /// Returns where `path` of the chroot is on this machine.
    pub fn at(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// Runs a command in the chroot. Its standard output goes to `output`, everything else to the
    /// log.
    fn run(&self, args: &[&str], output: File) -> Result<ExitStatus> {
        let mut log = OpenOptions::new().append(true).open(&self.log)?;
        io::Write::write_all(&mut log, format!("# {}\n", args.join(" ")).as_bytes())?;
        let mut command = Command::new(program("chroot"));
        command
            .arg(&self.root)
            .args(["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"]);
        command.args([
            "HOME=/root",
            "LC_ALL=C.UTF-8",
            "DEBIAN_FRONTEND=noninteractive",
            // Nothing boots here. Debian's kernel hooks heed this.
            "INITRD=No",
        ]);
        command.args(args).stdout(output).stderr(log);
        apart(|| {
            self.mount()?;
            status(&mut command, args[0])
        })
    }

    /// Mounts for this thread what the chroot needs.
    fn mount(&self) -> Result<()> {
        separate()?;
        // dkms-rust pack separates its mounts in turn, and needs one at / for that.
        mount_bind(&self.root, &self.root)?;
        for place in SHARED {
            mount_bind_recursive(place, self.at(place))?;
        }
        for (place, to) in &self.mounts {
            let to = self.at(&to.to_string_lossy());
            if place.is_dir() {
                fs::create_dir_all(&to)?;
            } else if !to.exists() {
                fs::create_dir_all(to.parent().unwrap_or(Path::new("/")))?;
                File::create(&to)?;
            }
            mount_bind_recursive(place, &to)
                .with_context(|| format!("can't mount {} in the chroot", place.display()))?;
        }
        Ok(())
    }

    /// Runs a command that has to succeed.
    ///
    /// # Errors
    ///
    /// If it fails, with the end of its output.
    pub fn must(&self, args: &[&str]) -> Result<()> {
        let log = OpenOptions::new().append(true).open(&self.log)?;
        let ended = self.run(args, log)?;
        ensure!(
            ended.success(),
            "{} failed ({ended}):\n{}",
            args.join(" "),
            end_of(&self.log)
        );
        Ok(())
    }

    /// Runs a command, and returns how it ended and its standard output.
    ///
    /// # Errors
    ///
    /// If it can't be run.
    pub fn ask(&self, args: &[&str]) -> Result<(ExitStatus, String)> {
        let output = self.log.with_extension("output");
        let ended = self.run(args, create(&output)?)?;
        let said = fs::read_to_string(&output)?;
        fs::remove_file(&output).ok();
        Ok((ended, said))
    }

    /// Returns the size of the log so far, for [`Chroot::since`].
    pub fn mark(&self) -> u64 {
        fs::metadata(&self.log).map_or(0, |meta| meta.len())
    }

    /// Returns what was logged since a mark.
    pub fn since(&self, mark: u64) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        let from = usize::try_from(mark).unwrap_or(usize::MAX).min(text.len());
        String::from_utf8_lossy(&text[from..]).into_owned()
    }
}

impl Drop for Chroot {
    fn drop(&mut self) {
        remove(&self.root).ok();
    }
}

/// Calls a function in a thread of its own. Mounts belong to a thread, and end with it.
///
/// # Errors
///
/// Those of the function.
pub fn apart(inside: impl FnOnce() -> Result<ExitStatus> + Send) -> Result<ExitStatus> {
    thread::scope(|scope| {
        let ended = scope.spawn(inside).join();
        ended.unwrap_or_else(|_| bail!("a thread ended early"))
    })
}

/// Removes what earlier builds of a suite left when they were killed. Programs that they started may
/// still write into it.
pub fn sweep(folder: &Path, suite: &Suite) {
    for old in names_in(folder) {
        if old.starts_with(&format!("{}.root-", suite.name)) {
            remove(&folder.join(old)).ok();
        }
    }
}

/// Removes a chroot. Nothing is mounted in it: its mounts were those of threads that have ended.
///
/// # Errors
///
/// If something can't be removed.
pub fn remove(root: &Path) -> io::Result<()> {
    match fs::remove_dir_all(root) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Returns the last lines of a log.
pub fn end_of(log: &Path) -> String {
    const LINES: usize = 12;
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}

/// Creates a file.
///
/// # Errors
///
/// If it can't be written.
pub fn create(file: &Path) -> Result<File> {
    File::create(file).with_context(|| format!("can't write {}", file.display()))
}
