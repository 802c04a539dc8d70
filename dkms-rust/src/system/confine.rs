// SPDX-License-Identifier: GPL-2.0-only

//! Confines a process: it can write only below one directory, and it has no network. This is for
//! compilers that run code from a kernel's source, such as procedural macros.
//!
//! There are four mechanisms, each used if the kernel permits it:
//!
//! - Landlock forbids creating, writing, truncating, renaming and removing files elsewhere, using
//!   TCP (Linux 6.7), signalling other processes (6.12) and connecting to sockets in the file
//!   system (7.1). It needs no privileges.
//! - A network namespace has no network at all, so UDP is blocked, too. It needs root.
//! - In a mount namespace, everything but the directory is read-only. Landlock does not restrict
//!   chmod and chown, but a read-only mount does. It needs root.
//! - Without capabilities, root can't load modules, create device nodes or override file
//!   permissions.

use anyhow::Result;
use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, LandlockStatus,
    PathBeneath, PathFd, RestrictionStatus, Ruleset, RulesetAttr, RulesetCreatedAttr, Scope,
    path_beneath_rules,
};
use nix::sched::{CloneFlags, unshare};
use rustix::mount::{MountFlags, MountPropagationFlags, mount_bind, mount_change, mount_remount};
use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities};
use std::env;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

/// The newest Landlock ABI that is used; parts that the kernel lacks are left out.
const NEWEST: ABI = ABI::V10;

/// The oldest usable Landlock ABI. Before it, files could not be renamed into another directory,
/// which rustc does.
const OLDEST: ABI = ABI::V2;

/// The first Landlock ABI that restricts TCP.
const NETWORK: ABI = ABI::V4;

/// The devices outside the directory that may be written to.
const DEVICES: [&str; 3] = ["/dev/null", "/dev/zero", "/dev/full"];

/// File systems whose mount points are left alone: accessing one may hang forever.
const REMOTE: [&str; 6] = ["autofs", "ceph", "cifs", "nfs", "nfs4", "smb3"];

/// How far a process is confined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Confined {
    /// Whether it can write only below its directory.
    pub files: bool,
    /// Whether it can't reach the network.
    pub network: bool,
}

impl Confined {
    /// Returns the text that `check --json` prints.
    pub fn as_str(self) -> &'static str {
        match (self.files, self.network) {
            (true, true) => "files and network",
            (true, false) => "files",
            (false, true) => "network",
            (false, false) => "no",
        }
    }
}

impl fmt::Display for Confined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Returns how far [`confine`] would confine a process here.
pub fn possible() -> Confined {
    // This needs its own thread, because neither restriction can be undone.
    let tried = thread::spawn(|| {
        let network = unshare(CloneFlags::CLONE_NEWNET).is_ok();
        with_landlock(restrict(None), network)
    });
    tried.join().unwrap_or(Confined {
        files: false,
        network: false,
    })
}

/// Confines this thread, and everything that it starts, to `directory`, which becomes the current
/// directory.
pub fn confine(directory: &Path) -> Confined {
    let network = unshare(CloneFlags::CLONE_NEWNET).is_ok();
    read_only_but(directory).ok();
    // Resolve the path again, because it may lead through the new mounts now.
    env::set_current_dir(directory).ok();
    set_capabilities(None, NO_CAPABILITIES).ok();
    with_landlock(restrict(Some(directory)), network)
}

const NO_CAPABILITIES: CapabilitySets = CapabilitySets {
    effective: CapabilitySet::empty(),
    permitted: CapabilitySet::empty(),
    inheritable: CapabilitySet::empty(),
};

fn with_landlock(status: Result<RestrictionStatus>, network: bool) -> Confined {
    let version = match status.map(|status| status.landlock) {
        Ok(LandlockStatus::Available { effective_abi, .. }) => Some(effective_abi),
        _ => None,
    };
    Confined {
        files: version.is_some(),
        network: network || version.is_some_and(|version| version >= NETWORK),
    }
}

/// Restricts this thread with Landlock. This also keeps setuid programs from giving it more
/// privileges.
fn restrict(directory: Option<&Path>) -> Result<RestrictionStatus> {
    let devices = AccessFs::WriteFile | AccessFs::Truncate | AccessFs::IoctlDev;
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_write(OLDEST))?
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_write(NEWEST))?
        .handle_access(AccessNet::from_all(NEWEST))?
        .scope(Scope::from_all(NEWEST))?
        .create()?
        .add_rules(path_beneath_rules(DEVICES, devices))?;
    if let Some(directory) = directory {
        rules = rules.add_rule(PathBeneath::new(PathFd::new(directory)?, inside()))?;
    }
    Ok(rules.restrict_self()?)
}

/// Returns what is allowed in the directory: everything but making devices and ioctls on them.
fn inside() -> BitFlags<AccessFs> {
    AccessFs::from_write(NEWEST) & !(AccessFs::MakeChar | AccessFs::MakeBlock | AccessFs::IoctlDev)
}

/// Makes all mounts but `directory` read-only for this thread.
fn read_only_but(directory: &Path) -> Result<()> {
    unshare(CloneFlags::CLONE_NEWNS)?;
    // Nobody else sees our changes to the mounts, but mounts that others unmount go away here, too.
    let alone = MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC;
    mount_change("/", alone)?;
    mount_bind(directory, directory)?;
    let directory = fs::canonicalize(directory)?;
    let mounts = fs::read_to_string("/proc/self/mountinfo")?;
    for mount in mounts.lines().filter_map(Mount::parse) {
        if mount.place != directory && !REMOTE.contains(&mount.kind) {
            let flags = mount.flags | MountFlags::BIND | MountFlags::RDONLY;
            // A mount that another one covers can't be reached, neither from here nor by anybody
            // else.
            mount_remount(&mount.place, flags, c"").ok();
        }
    }
    Ok(())
}

/// A line of `/proc/self/mountinfo`.
#[derive(Debug, PartialEq, Eq)]
struct Mount<'a> {
    place: PathBuf,
    /// The flags that a remount would clear if they were not given again.
    flags: MountFlags,
    kind: &'a str,
}

impl<'a> Mount<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let (before, after) = line.split_once(" - ")?;
        let mut fields = before.split(' ').skip(4);
        let place = unescape(fields.next()?);
        let flag = |name| match name {
            "nosuid" => MountFlags::NOSUID,
            "nodev" => MountFlags::NODEV,
            "noexec" => MountFlags::NOEXEC,
            _ => MountFlags::empty(),
        };
        Some(Self {
            place: place.into(),
            flags: fields.next()?.split(',').map(flag).collect(),
            kind: after.split(' ').next()?,
        })
    }
}

/// Undoes the kernel's escapes: it writes four characters as a backslash and three octal digits.
fn unescape(text: &str) -> String {
    let escapes = [("\\040", " "), ("\\011", "\t"), ("\\012", "\n")];
    let plain = escapes
        .iter()
        .fold(text.to_owned(), |text, (from, to)| text.replace(from, to));
    plain.replace("\\134", "\\")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_keeps_the_flags_that_protect() {
        let line =
            "36 35 98:0 /mnt1 /mnt/a\\040b rw,nosuid,noexec,noatime shared:1 - ext3 /dev/x rw";
        let mount = Mount {
            place: "/mnt/a b".into(),
            flags: MountFlags::NOSUID | MountFlags::NOEXEC,
            kind: "ext3",
        };
        assert_eq!(Mount::parse(line), Some(mount));
        assert_eq!(Mount::parse("36 35 98:0 /mnt1"), None);
    }

    #[test]
    fn no_device_can_be_made() {
        assert!(!inside().contains(AccessFs::MakeBlock) && !inside().contains(AccessFs::MakeChar));
        assert!(inside().contains(AccessFs::Refer | AccessFs::MakeFifo | AccessFs::WriteFile));
    }

    #[test]
    fn to_ask_confines_nobody() {
        let before = fs::read_link("/proc/self/ns/net").unwrap();
        let first = possible();
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("file"), "").unwrap();
        assert_eq!(possible(), first);
        assert_eq!(fs::read_link("/proc/self/ns/net").unwrap(), before);
    }
}
