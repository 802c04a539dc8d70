// SPDX-License-Identifier: GPL-2.0-only

//! What a process without privileges may do.

use anyhow::Context as _;
use anyhow::ensure;
use nix::errno::Errno;
use nix::fcntl::OFlag;

use crate::cases::Case;
use crate::cases::Context;
use crate::check::refused;
use crate::drive;
use crate::module;
use crate::process::become_nobody;

pub const CASES: &[Case] = &[
    Case::loaded("unprivileged-user-reads", reads),
    Case::loaded("unprivileged-user-can-not-write", can_not_write),
    Case::loaded("unprivileged-user-can-not-unload", can_not_unload),
];

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
