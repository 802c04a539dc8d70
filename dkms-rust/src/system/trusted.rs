// SPDX-License-Identifier: GPL-2.0-only

//! Checks whether others could have changed a file.

use super::below::below;
use anyhow::{Context, Result, bail};
use rustix::fs::{FileType, lgetxattr};
use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf, absolute};
use std::sync::OnceLock;

/// Write permission for others, and for the group.
const OTHERS: u32 = 0o002;
const GROUP: u32 = 0o020;
/// In a directory with this bit, nobody can move or remove files that belong to somebody else.
const STICKY: u32 = 0o1000;

/// The number of symbolic links that the kernel follows in one path.
const MOST_LINKS: usize = 40;

/// The extended attribute that names other users and groups with write permission.
const ACL: &str = "system.posix_acl_access";

/// Checks that only root, or the user who runs this, can have written the file at `path`. Its
/// directory must be trusted already.
///
/// # Errors
///
/// If it does not exist, is a link, or belongs to or is writable by others.
pub fn trusted(path: &Path) -> Result<Metadata> {
    let meta = fs::symlink_metadata(path).with_context(|| path.display().to_string())?;
    if meta.file_type().is_symlink() {
        bail!("{} is a link", path.display());
    }
    judge(path, (meta.uid(), meta.gid()), meta.mode())?;
    Ok(meta)
}

/// Checks a file or directory at any path: also every directory and symbolic link on the way to it,
/// and every directory on the way to the links' targets. Returns the path without links.
///
/// # Errors
///
/// If it does not exist, or others could have changed it or the place that its path leads to.
pub fn trusted_path(path: &Path) -> Result<PathBuf> {
    let (real, there) = walk(path)?;
    if !there {
        bail!("{}: there is no such file", path.display());
    }
    trusted(&real)?;
    Ok(real)
}

/// Checks everything below a directory, which itself may be a link.
///
/// # Errors
///
/// Those of [`trusted_path`], for the first file that others could have changed.
pub fn trusted_below(folder: &Path) -> Result<()> {
    below(&trusted_path(folder)?, &mut |path, stat| {
        if FileType::from_raw_mode(stat.st_mode) == FileType::Symlink {
            trusted_or_missing(&path)?;
        } else {
            judge(&path, (stat.st_uid, stat.st_gid), stat.st_mode)?;
        }
        Ok(true)
    })
}

/// Checks a directory in which others may create files, but can't change those of root, such as
/// /tmp.
///
/// # Errors
///
/// Those of [`trusted_path`].
pub fn trusted_folder(path: &Path) -> Result<()> {
    match walk(path)? {
        (_, true) => Ok(()),
        _ => bail!("{}: there is no such directory", path.display()),
    }
}

/// Checks a path that may not exist, or be a link to nothing: nobody else could create a file
/// there.
///
/// # Errors
///
/// Those of [`trusted_path`], for the last directory on the way that exists.
pub fn trusted_or_missing(path: &Path) -> Result<()> {
    let (real, _) = walk(path)?;
    trusted(&real)?;
    Ok(())
}

/// Follows a path as the kernel does, and judges each step. Returns where the path leads and
/// `true`, or the last directory that exists and `false`.
fn walk(path: &Path) -> Result<(PathBuf, bool)> {
    let path = absolute(path).with_context(|| path.display().to_string())?;
    let mut here = PathBuf::from("/");
    let mut rest = parts(&path);
    let mut links = 0;
    while let Some(part) = rest.pop() {
        if part == ".." {
            here.pop();
            continue;
        }
        let next = here.join(&part);
        let meta = match fs::symlink_metadata(&next) {
            Ok(meta) => meta,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok((here, false)),
            Err(error) => return Err(error).with_context(|| next.display().to_string()),
        };
        if meta.is_symlink() {
            links += 1;
            if links > MOST_LINKS {
                bail!("{} leads through too many links", path.display());
            }
            // The mode of a link always permits writing, but has no effect.
            judge(&next, (meta.uid(), meta.gid()), 0)?;
            let target = fs::read_link(&next).with_context(|| next.display().to_string())?;
            if target.is_absolute() {
                here = PathBuf::from("/");
            }
            rest.extend(parts(&target));
            continue;
        }
        // What comes next must belong to someone trusted, so a sticky directory is as good as one
        // that others can't write.
        let mode = match meta.mode() & STICKY {
            0 => meta.mode(),
            _ => meta.mode() & !(OTHERS | GROUP),
        };
        judge(&next, (meta.uid(), meta.gid()), mode)?;
        here = next;
    }
    Ok((here, true))
}

/// Returns the components of a path, the last one first.
fn parts(path: &Path) -> Vec<OsString> {
    let parts = path.components().rev().filter(|part| {
        let part = *part;
        part != Component::RootDir && part != Component::CurDir
    });
    parts.map(|part| part.as_os_str().to_owned()).collect()
}

/// Returns whether this process runs as root.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The user that stands for all users that a user namespace does not have.
const UNMAPPED: u32 = 65_534;

/// Where only the system's root can write, apart from what is below [`BY_HAND`].
const SYSTEM: [&str; 5] = ["/usr", "/bin", "/sbin", "/lib", "/lib64"];

/// No package puts files here. What was unpacked here by hand may belong to anybody.
pub const BY_HAND: &str = "/usr/local";

/// Whether a file is one of the system's own, for a user whose files they appear to be.
fn is_of_system(path: &Path, owner: u32) -> bool {
    let below = |place: &&str| path.starts_with(place);
    owner == owner_of_system()
        && (path == Path::new("/") || SYSTEM.iter().any(below))
        && !path.starts_with(BY_HAND)
}

/// Returns the owner of the system's own files. That is root, except in a user namespace that has
/// another root, as `unshare --map-root-user` makes it. There it is the number that stands for
/// everybody else, too.
fn owner_of_system() -> u32 {
    static OWNER: OnceLock<u32> = OnceLock::new();
    *OWNER.get_or_init(|| {
        let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
        let owner = fs::symlink_metadata("/").map_or(0, |meta| meta.uid());
        owner_by(&map, owner)
    })
}

/// Like [`owner_of_system`], for the users of a namespace and the owner of `/`. A container has a `/`
/// of its own, which belongs to the container's root.
fn owner_by(map: &str, owner: u32) -> u32 {
    let all = map.split_whitespace().eq(["0", "0", "4294967295"]);
    match owner {
        UNMAPPED if !all && !map.is_empty() => UNMAPPED,
        _ => 0,
    }
}

fn judge(path: &Path, (owner, owning_group): (u32, u32), mode: u32) -> Result<()> {
    let own = rustix::process::geteuid().as_raw();
    if owner != 0 && owner != own && !is_of_system(path, owner) {
        bail!("{} belongs to user {owner}", path.display());
    }
    // Members of root's group are as good as root. With an access control list, the group bits are
    // the most that the listed users may do.
    let group = || mode & GROUP != 0 && (owning_group != 0 || has_acl(path));
    if mode & OTHERS != 0 || group() {
        bail!(
            "{} can be written by others (mode {:o})",
            path.display(),
            mode & 0o7777
        );
    }
    Ok(())
}

fn has_acl(path: &Path) -> bool {
    let mut nothing: [u8; 0] = [];
    lgetxattr(path, ACL, &mut nothing[..]).is_ok()
}

#[cfg(test)]
#[path = "trusted_tests.rs"]
mod tests;
