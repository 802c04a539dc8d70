// SPDX-License-Identifier: GPL-2.0-only

//! The file inside something like a container, and through other mounts of /proc.

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

/// Returns the path of the file below another mount of /proc.
fn below(root: &str) -> String {
    format!("{root}/1999_proc/mydrive")
}

fn read_at(path: &str) -> anyhow::Result<Vec<u8>> {
    let file: OwnedFd = drive::open_with(path, OFlag::O_RDONLY).context("opening it")?;
    drive::read_to_end(file, 4096).with_context(|| format!("reading {path}"))
}

/// Mounts another /proc with these options. Skips the case if the kernel does not know the options.
fn mount_proc(at: &str, flags: MsFlags, options: Option<&str>) -> anyhow::Result<()> {
    fs::create_dir_all(at).with_context(|| format!("making {at}"))?;
    match mount(Some("proc"), at, Some("proc"), flags, options) {
        Err(Errno::EINVAL) if options.is_some() => skip(format!("no /proc with {options:?} here")),
        other => other.with_context(|| format!("mounting a proc at {at} with {options:?}")),
    }
}

/// Gives the case its own mount namespace, so that its mounts go away with it.
fn own_mounts() -> anyhow::Result<()> {
    unshare(CloneFlags::CLONE_NEWNS)?;
    let flags = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(None::<&str>, "/", None::<&str>, flags, None::<&str>).context("making mounts private")
}

/// A container made by an unprivileged user. Its root is nobody outside: it can read, like
/// everybody, and can't write.
fn in_a_container(_: &Context) -> anyhow::Result<()> {
    drive::write(b"to all\n")?;
    let kept_open = drive::open()?;
    become_nobody()?;
    // Otherwise root would own our uid_map, and we could not write it.
    nix::sys::prctl::set_dumpable(true).context("PR_SET_DUMPABLE")?;
    unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWPID)?;
    fs::write("/proc/self/uid_map", "0 65534 1").context("mapping root to nobody")?;
    in_child(|| {
        // We are process 1 of the new namespace, and mount its /proc.
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

/// `hidepid` hides processes from each other, but not the entries of drivers.
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

/// With `subset=pid` there are no entries of drivers at all.
fn processes_only(_: &Context) -> anyhow::Result<()> {
    own_mounts()?;
    mount_proc("/tmp/subset", MsFlags::empty(), Some("subset=pid"))?;
    let opened = drive::open_with(&below("/tmp/subset"), OFlag::O_RDONLY);
    refused("opening the file there", opened, Errno::ENOENT)?;
    drive::expect_present()
}
