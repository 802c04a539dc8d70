// SPDX-License-Identifier: GPL-2.0-only

//! Rust's `core` without the AVX-512 intrinsics.
//!
//! They are five thousand functions, a fourth of the time and a third of the metadata of `core`,
//! and no kernel module can use them: the kernel's target has no SIMD registers. `core` is built
//! from a folder of links to the library's files in which theirs are empty; a module that names
//! one after all gets a compile error. Nothing else changes: not the names of symbols, and not
//! the paths either, which the shim maps back.

use anyhow::{Context, Result};
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::Path;

/// The folders that are made anew, since what is in them is found by paths relative to them. All
/// that these hold is linked.
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

/// How the names of the files that are left empty start.
const LEFT_OUT: &str = "avx512";

/// Makes the folder `thin`, as `library` but without those intrinsics.
///
/// # Errors
///
/// If `library` has other folders than rustc's of today, or on errors of writing.
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
        // What `lib.rs` names by `../../stdarch` is found here, not where a link leads.
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
