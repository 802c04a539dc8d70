// SPDX-License-Identifier: GPL-2.0-only

//! Identifies the files of a toolchain by paths, sizes and times. Packages keep the times of their
//! files, so the same version has the same identity after it is installed again. The source of
//! `core` is identified by its content.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Where bindgen finds libclang: here, and in directories below for an architecture or an LLVM
/// version.
const LIBRARIES: &str = "/usr/lib";

/// Identifies a program by the file that its path leads to.
pub fn of_program(path: &Path) -> String {
    line(&fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()))
}

/// Identifies every libclang that bindgen could load.
pub fn of_libclang() -> String {
    let folder = Path::new(LIBRARIES);
    let mut found = Vec::new();
    add_libclang(folder, &mut found);
    for name in crate::system::names_in(folder) {
        if name.starts_with("llvm-") {
            add_libclang(&folder.join(name).join("lib"), &mut found);
        } else if name.contains("-linux-gnu") {
            add_libclang(&folder.join(name), &mut found);
        }
    }
    text(found)
}

fn add_libclang(folder: &Path, found: &mut Vec<PathBuf>) {
    let names = crate::system::names_in(folder).into_iter();
    let named = |name: &String| name.starts_with("libclang") && name.contains(".so");
    found.extend(names.filter(named).map(|name| folder.join(name)));
}

/// Identifies all files below a directory.
pub fn of_folder(folder: &Path) -> String {
    let mut found = Vec::new();
    walk(folder, &mut found);
    text(found)
}

/// Identifies the source of `core` below a library's directory, by its content: different packages
/// can contain it.
pub fn of_library(library: &Path) -> String {
    let mut found = Vec::new();
    for part in ["core/src", "stdarch/crates/core_arch/src"] {
        walk(&library.join(part), &mut found);
    }
    found.sort();
    let mut hash = blake3::Hasher::new();
    for file in &found {
        let name = file.strip_prefix(library).unwrap_or(file);
        let content = fs::read(file).unwrap_or_default();
        for part in [name.as_os_str().as_encoded_bytes(), &content] {
            hash.update(&(part.len() as u64).to_le_bytes());
            hash.update(part);
        }
    }
    hash.finalize().to_hex()[..32].to_owned()
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            walk(&path, found);
        } else {
            found.push(path);
        }
    }
}

fn text(mut files: Vec<PathBuf>) -> String {
    files.sort();
    let lines: Vec<String> = files.iter().map(|file| line(file)).collect();
    blake3::hash(lines.join("\n").as_bytes()).to_hex()[..32].to_owned()
}

fn line(file: &Path) -> String {
    match fs::metadata(file) {
        Ok(meta) => format!("{} {} {}", file.display(), meta.len(), meta.mtime()),
        Err(_) => file.display().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_is_another_when_one_of_its_files_is() {
        let dir = tempfile::tempdir().unwrap();
        let src = dir.path().join("core/src/num");
        fs::create_dir_all(&src).unwrap();
        fs::write(src.join("mod.rs"), "a").unwrap();
        let first = of_library(dir.path());
        assert_eq!(of_library(dir.path()), first);
        let there = tempfile::tempdir().unwrap();
        let copy = there.path().join("core/src/num");
        fs::create_dir_all(&copy).unwrap();
        fs::write(copy.join("mod.rs"), "a").unwrap();
        assert_eq!(of_library(there.path()), first);
        fs::write(src.join("mod.rs"), "b").unwrap();
        assert_ne!(of_library(dir.path()), first);
    }

    #[test]
    fn a_program_is_the_file_that_its_path_leads_to() {
        let dir = tempfile::tempdir().unwrap();
        let (real, link) = (dir.path().join("bindgen-1"), dir.path().join("bindgen"));
        fs::write(&real, "1").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        assert_eq!(of_program(&link), of_program(&real));
        assert!(of_program(&link).contains("bindgen-1 1 "));
    }
}
