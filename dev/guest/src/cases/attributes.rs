// SPDX-License-Identifier: GPL-2.0-only

//! The entries in `/proc`: names, modes, owners.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use anyhow::Context as _;
use anyhow::ensure;
use nix::dir::Dir;
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;

use crate::cases::Case;
use crate::cases::Context;
use crate::check::same;
use crate::drive;

pub const CASES: &[Case] = &[
    Case::loaded("directory-attributes", directory_attributes),
    Case::loaded(
        "directory-lists-the-file-only",
        directory_lists_the_file_only,
    ),
    Case::loaded("file-attributes", file_attributes),
];

fn directory_attributes(_: &Context) -> anyhow::Result<()> {
    let found = fs::symlink_metadata(drive::DIRECTORY).context("stat of the directory")?;
    ensure!(
        found.is_dir(),
        "{} is no directory: {found:?}",
        drive::DIRECTORY
    );
    same(
        "mode",
        format!("{:04o}", found.mode() & 0o7777),
        "0555".into(),
    )?;
    same("owner and group", (found.uid(), found.gid()), (0, 0))
}

fn directory_lists_the_file_only(_: &Context) -> anyhow::Result<()> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let mut directory =
        Dir::open(drive::DIRECTORY, flags, Mode::empty()).context("opening the directory")?;
    // List twice through the same descriptor: the second listing starts at the first entry again.
    for round in ["first", "second"] {
        let mut names = Vec::new();
        for entry in directory.iter() {
            let entry = entry.with_context(|| format!("{round} listing"))?;
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        same(
            &format!("{round} listing"),
            names,
            vec![".".into(), "..".into(), drive::ENTRY.into()],
        )?;
    }
    Ok(())
}

fn file_attributes(_: &Context) -> anyhow::Result<()> {
    let found = fs::symlink_metadata(drive::FILE).context("stat of the file")?;
    ensure!(
        found.is_file(),
        "{} is no regular file: {found:?}",
        drive::FILE
    );
    same(
        "mode",
        format!("{:04o}", found.mode() & 0o7777),
        "0644".into(),
    )?;
    same("owner and group", (found.uid(), found.gid()), (0, 0))?;
    same("size", found.size(), 0)?;
    same("links", found.nlink(), 1)
}
