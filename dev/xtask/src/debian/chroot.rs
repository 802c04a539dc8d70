// SPDX-License-Identifier: GPL-2.0-only

//! A Debian root to run commands in at native speed. Their changes are thrown away.
//!
//! Commands in it cannot load modules into the machine's kernel.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use anyhow::{Context, Result};
use rustix::mount::MountFlags;

use crate::debian::root::Root;
use crate::host::files;
use crate::host::mounts::{Mount, Overlay};
use crate::host::project::Project;
use crate::host::run::Cmd;

/// Device nodes that programs expect, bind-mounted from the machine's /dev.
const DEVICES: &[&str] = &["null", "zero", "full", "random", "urandom", "tty"];

/// Creates the files of /sys that say whether modules must be signed, as on a machine without
/// Secure Boot.
const UNSIGNED: &str = "mkdir -p /sys/firmware /sys/module/module/parameters /sys/kernel/security
echo N > /sys/module/module/parameters/sig_enforce
echo '[none] integrity confidentiality' > /sys/kernel/security/lockdown";

/// A root in which commands can run.
pub struct Chroot {
    // Declared first, so dropped before the overlay that it is mounted in.
    inside: Inside,
    overlay: Overlay,
}

/// The mounts inside a root.
struct Inside(Vec<Mount>);

impl Drop for Inside {
    fn drop(&mut self) {
        // Unmount in reverse order: some are inside others.
        while self.0.pop().is_some() {}
    }
}

impl Chroot {
    /// Makes a chroot whose changes are thrown away.
    pub fn new(project: &Project, root: &Root) -> Result<Self> {
        let overlay = Overlay::over(project, &root.layers)?;
        let inside = mount_inside(overlay.path())?;
        Ok(Self { inside, overlay })
    }

    /// Returns its path, as seen from outside.
    pub fn path(&self) -> &Path {
        self.overlay.path()
    }

    /// Returns a command that runs in the chroot.
    pub fn cmd(&self, program: &str) -> Cmd {
        Cmd::new("setpriv")
            .args([
                "--bounding-set=-sys_module",
                "--inh-caps=-sys_module",
                "chroot",
            ])
            .arg(self.path())
            .args([
                "env",
                "-i",
                "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
                "HOME=/root",
            ])
            .args([
                "LC_ALL=C.UTF-8",
                "TERM=dumb",
                "DEBIAN_FRONTEND=noninteractive",
            ])
            .arg(program)
    }

    /// Returns a command that runs a line in the chroot's shell.
    pub fn sh(&self, line: &str) -> Cmd {
        self.cmd("sh").args(["-c", line])
    }

    /// Shows programs in the chroot a machine without Secure Boot. Otherwise they can't tell.
    pub fn without_secure_boot(&self) -> Result<()> {
        self.sh(&format!("set -e; {UNSIGNED}")).run().map(drop)
    }

    /// Bind-mounts a directory of this machine in the chroot, until the chroot is dropped.
    pub fn bind(&mut self, from: &Path, place: &str) -> Result<()> {
        let target = self.path().join(place.trim_start_matches('/'));
        files::make_dir(&target)?;
        self.inside.0.push(Mount::bind(from, &target)?);
        Ok(())
    }

    /// Unmounts it, and keeps the changes as a layer at `place`.
    pub fn keep(self, place: &Path) -> Result<()> {
        let Self { inside, overlay } = self;
        drop(inside);
        overlay.keep(place)
    }
}

/// Removes the package sources from a root that is used without network.
pub fn without_sources(root: &Path) -> Result<()> {
    let list = root.join("etc/apt/sources.list");
    if list.exists() {
        files::remove(&list)?;
    }
    Ok(())
}

fn mount_inside(root: &Path) -> Result<Inside> {
    let quiet = MountFlags::NOSUID | MountFlags::NOEXEC;
    let mut inside = Inside(vec![
        Mount::new(c"proc", &root.join("proc"), quiet | MountFlags::NODEV, c"")?,
        Mount::new(c"tmpfs", &root.join("dev"), quiet, c"mode=0755")?,
        Mount::new(
            c"tmpfs",
            &root.join("run"),
            quiet | MountFlags::NODEV,
            c"mode=0755",
        )?,
    ]);
    let dev = root.join("dev");
    for name in DEVICES {
        let node = dev.join(name);
        fs::write(&node, "").with_context(|| format!("cannot make {}", node.display()))?;
        inside
            .0
            .push(Mount::bind(&Path::new("/dev").join(name), &node)?);
    }
    for (target, name) in [
        ("/proc/self/fd", "fd"),
        ("/proc/self/fd/1", "stdout"),
        ("/proc/self/fd/2", "stderr"),
    ] {
        symlink(target, dev.join(name)).with_context(|| format!("cannot make {name} in /dev"))?;
    }
    fs::create_dir(dev.join("shm")).context("cannot make /dev/shm")?;
    // Use the machine's name resolution: it depends on the network that the machine is in.
    let resolv = root.join("etc/resolv.conf");
    if let Ok(text) = fs::read("/etc/resolv.conf") {
        let _ = fs::remove_file(&resolv);
        files::write(&resolv, text)?;
    }
    Ok(inside)
}
