// SPDX-License-Identifier: GPL-2.0-only

//! Checks that the file system of the cache has room for a rebuild and can run the programs in it.

use crate::kernel::headers::Kernel;
use crate::kernel::refusal::Refusal;
use crate::system::trusted::is_root;
use rustix::fs::{Access, StatVfsMountFlags};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The free space that a rebuild requires in the cache, in bytes. At its peak it uses 250 MB.
const ROOM: u64 = 400 << 20;

/// Refuses a rebuild for which the cache has no room or no permission.
///
/// # Errors
///
/// Returns a refusal if the cache can't be written, or is too full.
pub fn check(kernel: &Kernel) -> Result<(), Refusal> {
    let release = &kernel.release;
    let cache = kernel.system.cache();
    let there = existing(&cache);
    if !is_root() && rustix::fs::access(there, Access::WRITE_OK).is_err() {
        let why = format!(
            "its Rust metadata is not in the cache, and only root can rebuild it in {}",
            kernel.system.shown(&cache)
        );
        let mend = format!("sudo dkms-rust kdir -k {release}");
        return Err(Refusal::new(release, why, mend));
    }
    let Ok(disk) = rustix::fs::statvfs(there) else {
        return Ok(());
    };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    if free >= ROOM {
        return Ok(());
    }
    let why = format!(
        "rebuilding its Rust metadata needs {} MB in {}, but only {} MB are free",
        ROOM >> 20,
        there.display(),
        free >> 20
    );
    let mend = "make room there (apt clean, dkms-rust clean)";
    Err(Refusal::new(release, why, mend))
}

/// Refuses if programs in the cache can't be run: kbuild runs some from the build tree.
///
/// # Errors
///
/// Returns a refusal if the file system is mounted noexec.
pub fn runs_programs(kernel: &Kernel) -> Result<(), Refusal> {
    let cache = kernel.system.cache();
    let there = existing(&cache);
    let noexec = rustix::fs::statvfs(there)
        .is_ok_and(|disk| disk.f_flag.contains(StatVfsMountFlags::NOEXEC));
    if !noexec {
        return Ok(());
    }
    let mount = mount_point(there);
    let why = format!(
        "{} is on a file system that is mounted noexec ({}), but builds run programs there",
        cache.display(),
        mount.display()
    );
    let mend = format!("mount -o remount,exec {}", mount.display());
    Err(Refusal::new(&kernel.release, why, mend))
}

/// Returns the innermost directory of the path that exists.
fn existing(path: &Path) -> &Path {
    path.ancestors()
        .find(|folder| folder.exists())
        .unwrap_or(path)
}

/// Returns the mount point of a directory's file system: the outermost directory on it.
fn mount_point(directory: &Path) -> PathBuf {
    let device = |path: &Path| fs::metadata(path).map(|meta| meta.dev()).ok();
    let directory = fs::canonicalize(directory).unwrap_or_else(|_| directory.to_owned());
    let mine = device(&directory);
    let same = directory
        .ancestors()
        .take_while(|path| device(path) == mine);
    same.last().unwrap_or(&directory).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::headers::tests::make_installed;
    use crate::system::System;

    #[test]
    fn the_mount_point_is_the_outermost_directory_of_a_file_system() {
        assert_eq!(mount_point(Path::new("/proc/self/fd")), Path::new("/proc"));
        assert_eq!(mount_point(Path::new("/")), Path::new("/"));
    }

    #[test]
    fn a_cache_that_is_not_there_yet_is_judged_by_the_directory_above() {
        let dir = tempfile::tempdir().unwrap();
        let cache = dir.path().join("var/cache/dkms-rust");
        assert_eq!(existing(&cache), dir.path());
    }

    #[test]
    fn noexec_is_named_where_it_is() {
        let root = tempfile::tempdir().unwrap();
        make_installed(root.path(), "7.3.4-amd64", "");
        let system = System::below(root.path());
        let mut kernel = Kernel::find(&system, &"7.3.4-amd64".parse().unwrap()).unwrap();
        assert_eq!(runs_programs(&kernel), Ok(()));
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
        let noexec = mounts.lines().find_map(|line| {
            let mut words = line.split(' ').skip(1);
            let (place, options) = (words.next()?, words.nth(1)?);
            let noexec = options.split(',').any(|option| option == "noexec");
            (noexec && mount_point(Path::new(place)) == Path::new(place)).then_some(place)
        });
        // Not every machine has a noexec mount.
        let Some(place) = noexec else { return };
        kernel.system = System::below(place);
        let refusal = runs_programs(&kernel).unwrap_err();
        assert!(refusal.reason.contains("mounted noexec"), "{refusal}");
        assert_eq!(
            refusal.mend.unwrap(),
            format!("mount -o remount,exec {place}")
        );
    }
}
