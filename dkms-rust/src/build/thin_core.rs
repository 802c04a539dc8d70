// SPDX-License-Identifier: GPL-2.0-only

//! Rust's `core` without the AVX-512 intrinsics.
//!
//! These five thousand functions take a quarter of the time and a third of the metadata of `core`.
//! No kernel module can use them, because the kernel's target has no SIMD registers. So `core` is
//! built from a directory of links to the library's files, in which the files with these intrinsics
//! are empty. A module that names one of them gets a compile error. Nothing else changes: symbol
//! names stay the same, and the shim maps the paths back.

use anyhow::{Context, Result};
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::Path;

/// The directories that are created instead of linked, because files in them are found by relative
/// paths. Everything else in these directories is linked.
const FOLDERS: [&str; 9] = [
    "",
    "core",
    "core/src",
    "stdarch",
    "stdarch/crates",
    "stdarch/crates/core_arch",
    "stdarch/crates/core_arch/src",
    "stdarch/crates/core_arch/src/x86",
    "stdarch/crates/core_arch/src/x86_64",
];

/// The start of the names of the files that are left empty.
const LEFT_OUT: &str = "avx512";

/// Creates the directory `thin`, a copy of `library` without these intrinsics.
///
/// # Errors
///
/// Returns an error if `library` lacks one of the expected directories, or on write errors.
pub fn create(library: &Path, thin: &Path) -> Result<()> {
    for folder in FOLDERS {
        let (from, to) = (library.join(folder), thin.join(folder));
        let entries = fs::read_dir(&from).with_context(|| from.display().to_string())?;
        fs::create_dir(&to).with_context(|| to.display().to_string())?;
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let target = entry.path();
            let inside = target.strip_prefix(library)?;
            if FOLDERS.iter().any(|folder| inside == Path::new(folder)) {
                continue;
            }
            let to = to.join(&name);
            let left_out = folder.contains("/x86") && name.to_string_lossy().starts_with(LEFT_OUT);
            if left_out {
                File::create_new(&to).map(drop)
            } else {
                symlink(&target, &to)
            }
            .with_context(|| to.display().to_string())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_wide_intrinsics_are_missing() {
        let dir = tempfile::tempdir().unwrap();
        let (library, thin) = (dir.path().join("library"), dir.path().join("thin"));
        let x86 = "stdarch/crates/core_arch/src/x86";
        let files = [
            "core/src/lib.rs".to_owned(),
            "core/src/num/mod.rs".to_owned(),
            format!("{x86}/sse2.rs"),
            format!("{x86}/avx512f.rs"),
            format!("{x86}_64/avx512f.rs"),
            "stdarch/crates/core_arch/src/mod.rs".to_owned(),
        ];
        for file in &files {
            fs::create_dir_all(library.join(file).parent().unwrap()).unwrap();
            fs::write(library.join(file), file).unwrap();
        }
        create(&library, &thin).unwrap();
        for file in &files {
            let expected = if file.contains("avx512") { "" } else { file };
            assert_eq!(fs::read_to_string(thin.join(file)).unwrap(), expected);
        }
        // `lib.rs` includes `../../stdarch`. This must lead into the thin library, not to a link's
        // target.
        let from_core = thin.join("core/src/../..").join(x86).join("avx512f.rs");
        assert_eq!(fs::read_to_string(from_core).unwrap(), "");
    }

    #[test]
    fn a_library_of_another_shape_is_told() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("library/core/src")).unwrap();
        let error = create(&dir.path().join("library"), &dir.path().join("thin"));
        assert!(format!("{:#}", error.unwrap_err()).contains("stdarch"));
    }
}
