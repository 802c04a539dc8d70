// SPDX-License-Identifier: GPL-2.0-only

//! Walks everything below a directory. Each entry is looked up by its name in its directory:
//! headers have ten thousand files, and resolving a long path to each would cost more than the
//! file.

use anyhow::{Context, Result};
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat, openat, statat};
use std::ffi::OsStr;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Calls `each` with the path and status of every entry below a directory, which itself may be a
/// link. Does not follow links below it, nor enter directories for which `each` returns false.
///
/// # Errors
///
/// If something can't be read, or `each` fails.
pub fn below(folder: &Path, each: &mut dyn FnMut(PathBuf, &Stat) -> Result<bool>) -> Result<()> {
    let fd = openat(CWD, folder, DIRECTORY, Mode::empty());
    walk(
        fd.with_context(|| folder.display().to_string())?,
        folder,
        each,
    )
}

const DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::CLOEXEC);

fn walk(
    fd: impl AsFd,
    folder: &Path,
    each: &mut dyn FnMut(PathBuf, &Stat) -> Result<bool>,
) -> Result<()> {
    let here = || folder.display().to_string();
    for entry in Dir::read_from(&fd).with_context(here)? {
        let entry = entry.with_context(here)?;
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        let path = folder.join(OsStr::from_bytes(name.to_bytes()));
        let there = || path.display().to_string();
        let stat = statat(&fd, name, AtFlags::SYMLINK_NOFOLLOW).with_context(there)?;
        let goes_on = each(path.clone(), &stat)?;
        if goes_on && FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
            let flags = DIRECTORY | OFlags::NOFOLLOW;
            let fd = openat(&fd, name, flags, Mode::empty()).with_context(there)?;
            walk(fd, &path, each)?;
        }
    }
    Ok(())
}
