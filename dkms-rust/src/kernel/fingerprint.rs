// SPDX-License-Identifier: GPL-2.0-only

//! Identifies a kernel's headers by their content.
//!
//! A release can be built again with different structures, and a header can be edited in place;
//! neither changes a name or a version. Reading all headers takes half a second, so the digest is
//! remembered together with the sizes and times of the files. Nobody can change a file without
//! changing its ctime.

use crate::kernel::headers::Kernel;
use crate::kernel::memory;
use crate::system::System;
use crate::system::below::below;
use anyhow::{Context, Result};
use rustix::fs::{FileType, Stat};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};

/// The directory of remembered digests, below [`System::state`].
pub const REMEMBERED: &str = "headers";

/// The directory in which kbuild keeps an empty file for each option that is set, for make's
/// dependencies. There are thousands of them.
const OPTIONS: &str = "include/config";

/// A digest of the files' contents, and one of their sizes and times.
#[derive(Serialize, Deserialize)]
struct Digests {
    files: String,
    content: String,
}

/// Returns the digest of a kernel's headers: of everything that a module, or the metadata, is built
/// with.
///
/// # Errors
///
/// If a file can't be read.
pub fn of(system: &System, kernel: &Kernel) -> Result<String> {
    let files = files(kernel)?;
    let mut hash = blake3::Hasher::new();
    for (path, stat) in &files {
        hash.update(path.as_os_str().as_encoded_bytes());
        for number in [stat.st_size, stat.st_mtime, stat.st_ctime] {
            hash.update(&number.to_le_bytes());
        }
        for number in [stat.st_mtime_nsec, stat.st_ctime_nsec] {
            hash.update(&number.to_le_bytes());
        }
    }
    let stats = hash.finalize().to_hex().to_string();
    let remembered: Option<Digests> = memory::recall(system, REMEMBERED, &kernel.release);
    if let Some(digests) = remembered.filter(|digests| digests.files == stats) {
        return Ok(digests.content);
    }

    let mut hash = blake3::Hasher::new();
    for (path, _) in &files {
        let file = fs::read(path).with_context(|| path.display().to_string())?;
        let file = blake3::hash(&file);
        hash.update(path.as_os_str().as_encoded_bytes());
        hash.update(file.as_bytes());
    }
    let content = hash.finalize().to_hex()[..32].to_owned();
    let digests = Digests {
        files: stats,
        content: content.clone(),
    };
    // If this fails for want of permission, all headers are read again the next time.
    memory::remember(system, REMEMBERED, &kernel.release, &digests).ok();
    Ok(content)
}

/// Returns the files that count, in order. A build tree may hold a whole kernel with its objects,
/// so only the files that modules are built with are listed.
fn files(kernel: &Kernel) -> Result<Vec<(PathBuf, Stat)>> {
    let arch = kernel.srcarch().map(|arch| format!("arch/{arch}"));
    let mut found = Vec::new();
    let mut trees = vec![&kernel.build];
    if kernel.common != kernel.build {
        trees.push(&kernel.common);
    }
    for tree in trees {
        for name in [".config", ".kernelvariables", "Makefile", "Module.symvers"] {
            add(tree.join(name), &mut found)?;
        }
        for file in ["auto.conf", "kernel.release"] {
            add(tree.join(OPTIONS).join(file), &mut found)?;
        }
        for folder in ["include", "scripts"] {
            walk(&tree.join(folder), &mut found)?;
        }
        if let Some(arch) = &arch {
            walk(&tree.join(arch).join("include"), &mut found)?;
            for name in ["Makefile", "Makefile.cpu", "Makefile.postlink"] {
                add(tree.join(arch).join(name), &mut found)?;
            }
        }
    }
    found.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(found)
}

/// Adds a file, if there is one of that name.
fn add(path: PathBuf, found: &mut Vec<(PathBuf, Stat)>) -> Result<()> {
    match rustix::fs::stat(&path) {
        Ok(stat) if is(&stat, FileType::RegularFile) => found.push((path, stat)),
        Err(error) if error != Errno::NOENT => {
            return Err(error).with_context(|| path.display().to_string());
        }
        _ => {}
    }
    Ok(())
}

/// Adds all files below a directory. The directory may be a link, as Debian's `scripts` is. Links
/// to directories below it are not followed, and [`OPTIONS`] is not entered.
fn walk(folder: &Path, found: &mut Vec<(PathBuf, Stat)>) -> Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    below(folder, &mut |path, stat| {
        let goes_on = !path.ends_with(OPTIONS);
        if is(stat, FileType::Symlink) {
            add(path, found)?;
        } else if is(stat, FileType::RegularFile) {
            found.push((path, *stat));
        }
        Ok(goes_on)
    })
}

fn is(stat: &Stat, kind: FileType) -> bool {
    FileType::from_raw_mode(stat.st_mode) == kind
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::headers::tests::make_installed;

    #[test]
    fn an_edit_in_place_changes_the_fingerprint_and_a_touch_does_not() {
        let root = tempfile::tempdir().unwrap();
        let build = make_installed(root.path(), "7.3.4-amd64", "CONFIG_RUST=y\n");
        let header = build.join("include/generated/autoconf.h");
        let common = root
            .path()
            .join("usr/src/linux-headers-common/include/linux");
        fs::create_dir_all(&common).unwrap();
        fs::write(common.join("fs.h"), "struct file { int a; };\n").unwrap();
        let system = System::below(root.path());
        let release = "7.3.4-amd64".parse().unwrap();
        let now = || of(&system, &Kernel::find(&system, &release).unwrap()).unwrap();

        let first = now();
        assert_eq!(now(), first);
        fs::write(&header, fs::read(&header).unwrap()).unwrap();
        assert_eq!(now(), first);
        fs::write(common.join("fs.h"), "struct file { int b; };\n").unwrap();
        let second = now();
        assert_ne!(second, first);
        fs::write(build.join("Module.symvers"), "0x1\ta\tvmlinux\t\t\n").unwrap();
        assert_ne!(now(), second);
    }

    #[test]
    fn what_is_remembered_is_used_only_for_the_same_files() {
        let root = tempfile::tempdir().unwrap();
        make_installed(root.path(), "7.3.4-amd64", "");
        let system = System::below(root.path());
        let release = "7.3.4-amd64".parse().unwrap();
        let kernel = Kernel::find(&system, &release).unwrap();
        let first = of(&system, &kernel).unwrap();
        let memory = system.state().join("headers/7.3.4-amd64.json");
        let text = fs::read_to_string(&memory).unwrap();
        // The remembered digest is really used: it is returned.
        fs::write(&memory, text.replace(&first, "remembered")).unwrap();
        assert_eq!(of(&system, &kernel).unwrap(), "remembered");
        fs::write(kernel.build.join("include/generated/new.h"), "").unwrap();
        assert_ne!(of(&system, &kernel).unwrap(), "remembered");
    }
}
