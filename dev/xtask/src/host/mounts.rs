// SPDX-License-Identifier: GPL-2.0-only

//! Mounts that no other process sees, and that cannot be left behind.
//!
//! They are made in a private mount namespace, so the kernel drops them however this process ends.
//! During a run, each is unmounted when its guard is dropped.

use std::ffi::{CStr, CString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind, mount_change, unmount,
};
use rustix::thread::{UnshareFlags, unshare_unsafe};
use tempfile::TempDir;

use crate::host::project::Project;
use crate::host::{files, machine};

/// Moves this process into its own mount namespace. Must be called before threads are started.
pub fn private_namespace() -> Result<()> {
    machine::need_root("this task")?;
    // SAFETY:
    // - `NEWNS` alone does not affect file descriptors; only other flags can make this call
    //   unsound.
    unsafe { unshare_unsafe(UnshareFlags::NEWNS) }.context(
        "cannot make a mount namespace: this needs CAP_SYS_ADMIN, which containers often lack \
         (run on the machine itself, or in a container with --privileged)",
    )?;
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    mount_change("/", private).context("cannot make the mounts private")
}

/// A mount that is undone on drop.
pub struct Mount {
    target: PathBuf,
}

impl Mount {
    /// Mounts a file system of type `kind`.
    pub fn new(kind: &CStr, target: &Path, flags: MountFlags, options: &CStr) -> Result<Self> {
        mount(kind, target, kind, flags, options)
            .with_context(|| format!("cannot mount {kind:?} on {}", target.display()))?;
        Ok(Self {
            target: target.to_path_buf(),
        })
    }

    /// Bind-mounts a file or directory on `target`.
    pub fn bind(from: &Path, target: &Path) -> Result<Self> {
        mount_bind(from, target)
            .with_context(|| format!("cannot bind {} on {}", from.display(), target.display()))?;
        Ok(Self {
            target: target.to_path_buf(),
        })
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // If it is still busy, it goes when its last user ends, at the latest with the namespace.
        let _ = unmount(&self.target, UnmountFlags::DETACH);
    }
}

/// A directory that shows the layers below it. Writes to it are thrown away.
pub struct Overlay {
    // Fields are dropped in this order: the topmost mount first, and the directory after everything
    // in it is unmounted.
    overlay: Mount,
    scratch: Option<Mount>,
    dir: TempDir,
    merged: PathBuf,
}

impl Overlay {
    /// Puts an empty layer over `layers`, which are given topmost first.
    pub fn over(project: &Project, layers: &[PathBuf]) -> Result<Self> {
        let dir = scratch_folder(project)?;
        match Self::with_scratch(dir, layers, None) {
            Ok(overlay) => Ok(overlay),
            Err((dir, _)) => {
                // In a container, the cache is often itself on an overlay, which cannot hold
                // another overlay's upper layer.
                let tmpfs = Mount::new(c"tmpfs", dir.path(), MountFlags::empty(), c"mode=0755")?;
                Self::with_scratch(dir, layers, Some(tmpfs)).map_err(|(_, error)| error)
            }
        }
    }

    fn with_scratch(
        dir: TempDir,
        layers: &[PathBuf],
        scratch: Option<Mount>,
    ) -> Result<Self, (TempDir, anyhow::Error)> {
        match mount_overlay(dir.path(), layers) {
            Ok((overlay, merged)) => Ok(Self {
                overlay,
                scratch,
                dir,
                merged,
            }),
            Err(error) => Err((dir, error)),
        }
    }

    /// Returns the directory in which it can be read and written.
    pub fn path(&self) -> &Path {
        &self.merged
    }

    /// Unmounts it, and moves what was written into it to `place`.
    pub fn keep(self, place: &Path) -> Result<()> {
        let Self {
            overlay,
            scratch,
            dir,
            ..
        } = self;
        drop(overlay);
        if scratch.is_some() {
            bail!(
                "{} is itself on an overlay file system: set XDG_CACHE_HOME to a folder on a disk",
                dir.path().display()
            );
        }
        files::rename(&dir.path().join("upper"), place)
    }
}

fn mount_overlay(dir: &Path, layers: &[PathBuf]) -> Result<(Mount, PathBuf)> {
    let [upper, work, merged] = ["upper", "work", "merged"].map(|name| dir.join(name));
    for dir in [&upper, &work, &merged] {
        files::make_dir(dir)?;
    }
    let mut options = b"lowerdir=".to_vec();
    for (place, layer) in layers.iter().enumerate() {
        if place > 0 {
            options.push(b':');
        }
        options.extend(layer.as_os_str().as_bytes());
    }
    for (name, dir) in [("upperdir", &upper), ("workdir", &work)] {
        options.extend(format!(",{name}=").as_bytes());
        options.extend(dir.as_os_str().as_bytes());
    }
    let options = CString::new(options).context("a folder's name has a zero byte in it")?;
    let overlay = Mount::new(c"overlay", &merged, MountFlags::empty(), &options)?;
    Ok((overlay, merged))
}

/// Makes a directory for one use. Its name begins with the PID of this process, so that later runs
/// can find the owner and clean up after one that was killed.
pub fn scratch_folder(project: &Project) -> Result<TempDir> {
    let work = project.cached("work")?;
    remove_abandoned(&work);
    tempfile::Builder::new()
        .prefix(&format!("{}-", std::process::id()))
        .tempdir_in(&work)
        .with_context(|| format!("cannot make a folder in {}", work.display()))
}

fn remove_abandoned(work: &Path) {
    let Ok(entries) = fs::read_dir(work) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let owner = name
            .to_string_lossy()
            .split('-')
            .next()
            .and_then(|pid| pid.parse::<u32>().ok());
        if owner.is_some_and(|pid| !Path::new("/proc").join(pid.to_string()).exists()) {
            // If this fails, it only leaves clutter behind.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
