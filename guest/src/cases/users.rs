// SPDX-License-Identifier: GPL-2.0-only

//! What somebody without any rights may do.

use anyhow::Context as _;
use anyhow::ensure;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::unistd::Gid;
use nix::unistd::Uid;

use crate::cases::Case;
use crate::cases::Context;
use crate::check::refused;
use crate::drive;
use crate::module;

pub const CASES: &[Case] = &[
    Case::loaded("unprivileged-user-reads", reads),
    Case::loaded("unprivileged-user-can-not-write", can_not_write),
    Case::loaded("unprivileged-user-can-not-unload", can_not_unload),
];

const NOBODY: u32 = 65534;

/// Makes this process nobody's, for good, and looks that it is.
fn become_nobody() -> anyhow::Result<()> {
    let (user, group) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
    nix::unistd::setgroups(&[]).context("leaving all groups")?;
    nix::unistd::setresgid(group, group, group).context("becoming group nobody")?;
    nix::unistd::setresuid(user, user, user).context("becoming nobody")?;
    let status = std::fs::read_to_string("/proc/self/status").context("reading our status")?;
    for line in status
        .lines()
        .filter(|line| line.starts_with("Cap") && !line.starts_with("CapBnd"))
    {
        ensure!(
            line.ends_with("\t0000000000000000"),
            "nobody still has rights: {line}"
        );
    }
    Ok(())
}

fn reads(_: &Context) -> anyhow::Result<()> {
    become_nobody()?;
    drive::expect_present()?;
    let names = std::fs::read_dir(drive::DIRECTORY).context("listing the directory")?;
    ensure!(names.count() == 1, "nobody does not see one entry");
    Ok(())
}

fn can_not_write(_: &Context) -> anyhow::Result<()> {
    become_nobody()?;
    for flags in [
        OFlag::O_WRONLY,
        OFlag::O_RDWR,
        OFlag::O_WRONLY | OFlag::O_APPEND,
        OFlag::O_RDONLY | OFlag::O_TRUNC,
    ] {
        let opened = drive::open_with(drive::FILE, flags);
        refused(&format!("open with {flags:?}"), opened, Errno::EACCES)?;
    }
    refused(
        "truncate",
        nix::unistd::truncate(drive::FILE, 0),
        Errno::EACCES,
    )?;
    drive::expect_present()
}

fn can_not_unload(_: &Context) -> anyhow::Result<()> {
    become_nobody()?;
    refused("unload", module::unload(module::NAME), Errno::EPERM)?;
    drive::expect_present()
}
