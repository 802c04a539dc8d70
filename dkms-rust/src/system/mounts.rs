// SPDX-License-Identifier: GPL-2.0-only

//! Mounts that only this thread sees, and what it starts.

use anyhow::{Context, Result};
use nix::sched::{CloneFlags, unshare};
use rustix::mount::{MountPropagationFlags, mount_change};

/// Gives this thread mounts of its own: nobody else sees what it mounts from now on, and it sees
/// nothing of what others mount.
///
/// # Errors
///
/// If the kernel does not permit it, as in most containers, or `/` is not a mount point, as in a
/// plain chroot.
pub fn separate() -> Result<()> {
    unshare(CloneFlags::CLONE_NEWNS).context("this process may not have mounts of its own")?;
    let alone = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    mount_change("/", alone).context("can't separate the mounts of this process")
}
