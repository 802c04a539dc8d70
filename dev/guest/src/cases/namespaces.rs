// SPDX-License-Identifier: GPL-2.0-only

//! The file from inside of something like a container, and through other mounts of /proc.

use std::fs;
use std::os::fd::OwnedFd;

use anyhow::Context as _;
use anyhow::ensure;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::mount::MsFlags;
use nix::mount::mount;
use nix::sched::CloneFlags;

use crate::cases::Case;
use crate::cases::Context;
use crate::check::bytes;
use crate::check::refused;
use crate::check::skip;
use crate::drive;
use crate::drive::GREETING;
use crate::process::become_nobody;
use crate::process::in_child;
use crate::process::unshare;

pub const CASES: &[Case] = &[
    Case::loaded("own-mount-pid-and-user-namespace", in_a_container),
    Case::loaded("read-only-proc", read_only_proc),
    Case::loaded("hidepid-proc", hidepid_proc),
    Case::loaded("proc-of-processes-only", processes_only),
];

/// The file through another mount of /proc.
fn below(root: &str) -> String {
    format!("{root}/1999_proc/mydrive")
}

fn read_at(path: &str) -> anyhow::Result<Vec<u8>> {
    let file: OwnedFd = drive::open_with(path, OFlag::O_RDONLY).context("opening it")?;
    drive::read_to_end(file, 4096).with_context(|| format!("reading {path}"))
}

/// Another mount of /proc with these options.
fn mount_proc(at: &str, flags: MsFlags, options: Option<&str>) -> anyhow::Result<()> {
    fs::create_dir_all(at).with_context(|| format!("making {at}"))?;
    match mount(Some("proc"), at, Some("proc"), flags, options) {
        Err(Errno::EINVAL) if options.is_some() => skip(format!("no /proc with {options:?} here")),
        other => other.with_context(|| format!("mounting a proc at {at} with {options:?}")),
    }
}

/// A mount namespace of the case's own: what it mounts goes with it.
fn own_mounts() -> anyhow::Result<()> {
    unshare(CloneFlags::CLONE_NEWNS)?;
    let flags = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(None::<&str>, "/", None::<&str>, flags, None::<&str>).context("making mounts private")
}

/// As a user without rights makes it. Root there is nobody here: it reads, as everybody may, and
/// does not write.
fn in_a_container(_: &Context) -> anyhow::Result<()> {
    drive::write(b"to all\n")?;
    let kept_open = drive::open()?;
    become_nobody()?;
    // Otherwise our own uid_map would be root's.
    nix::sys::prctl::set_dumpable(true).context("PR_SET_DUMPABLE")?;
    unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWPID)?;
    fs::write("/proc/self/uid_map", "0 65534 1").context("mapping root to nobody")?;
    in_child(|| {
        // Process 1 of the new namespace, with a /proc of it.
        mount_proc("/tmp/container", MsFlags::empty(), None)?;
        ensure!(std::process::id() == 1, "not process 1 of the namespace");
        for path in [drive::FILE, &below("/tmp/container")] {
            bytes(path, &read_at(path)?, b"to all\n")?;
            let opened = drive::open_with(path, OFlag::O_WRONLY);
            refused(&format!("opening {path} to write"), opened, Errno::EACCES)?;
        }
        let brought = drive::read_to_end(&kept_open, 4096).context("reading what was open")?;
        bytes("the descriptor from outside", &brought, b"to all\n")
    })
}

fn read_only_proc(_: &Context) -> anyhow::Result<()> {
    own_mounts()?;
    mount_proc("/tmp/read-only", MsFlags::MS_RDONLY, None)?;
    let path = below("/tmp/read-only");
    bytes(&path, &read_at(&path)?, GREETING)?;
    for flags in [OFlag::O_WRONLY, OFlag::O_RDWR | OFlag::O_APPEND] {
        let opened = drive::open_with(&path, flags);
        refused(&format!("open with {flags:?}"), opened, Errno::EROFS)?;
    }
    drive::write(b"by the other one\n")?;
    bytes(&path, &read_at(&path)?, b"by the other one\n")
}

/// It hides processes from each other, and nothing of drivers.
fn hidepid_proc(_: &Context) -> anyhow::Result<()> {
    own_mounts()?;
    mount_proc("/tmp/hidepid", MsFlags::empty(), Some("hidepid=2"))?;
    let path = below("/tmp/hidepid");
    in_child(|| {
        become_nobody()?;
        ensure!(
            fs::metadata("/tmp/hidepid/1").is_err(),
            "hidepid=2 hides nothing"
        );
        bytes(&path, &read_at(&path)?, GREETING)?;
        let opened = drive::open_with(&path, OFlag::O_WRONLY);
        refused("opening to write", opened, Errno::EACCES)
    })?;
    let file = drive::open_with(&path, OFlag::O_WRONLY).context("opening as root")?;
    ensure!(
        nix::unistd::write(&file, b"hidden\n") == Ok(7),
        "root can't write"
    );
    drive::expect("writing there", b"hidden\n")
}

/// `subset=pid` has no drivers' entries at all.
fn processes_only(_: &Context) -> anyhow::Result<()> {
    own_mounts()?;
    mount_proc("/tmp/subset", MsFlags::empty(), Some("subset=pid"))?;
    let opened = drive::open_with(&below("/tmp/subset"), OFlag::O_RDONLY);
    refused("opening the file there", opened, Errno::ENOENT)?;
    drive::expect_present()
}
