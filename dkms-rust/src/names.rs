// SPDX-License-Identifier: GPL-2.0-only

//! Lean bindings: of the kernel's C interface only what the kernel's Rust code and the module at
//! hand spell out, and what that needs.
//!
//! bindgen describes 50 000 things, of which the `kernel` crate uses 5 000; compiling the rest
//! took a third of a rebuild. Each description is the same, to the byte, whichever others stand
//! beside it, so a module cannot be built wrong by what is missing: it can only not be built, and
//! is then built on the whole.
//!
//! Too many names do no harm, so that nothing has to be parsed: every identifier counts in every
//! file that speaks of `bindings` or `uapi`. And since bindgen calls a value of an enumeration
//! `<enum>_<value>`, so does every beginning of an identifier up to an underscore. Names that only
//! a macro puts together are missed.

use anyhow::{Context, Result};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::Path;

/// The crates of the C interface.
const CRATES: [&str; 2] = ["bindings", "uapi"];

/// The kernel's constants that are macros in C get this before their names until bindgen is done.
const CONSTANT: &str = "(?:RUST_CONST_HELPER_)?";

/// How many names an argument has: an argument has to be shorter than 128 KiB.
const AT_ONCE: usize = 1000;

/// Folders that are deep and have no source of a module.
const NOT_SOURCE: [&str; 1] = ["target"];

/// The names that these folders spell out, a line each.
///
/// # Errors
///
/// If they can't be read.
pub fn spelled_in<'a>(folders: impl IntoIterator<Item = &'a Path>) -> Result<String> {
    let mut names = BTreeSet::new();
    for folder in folders {
        collect(folder, &mut names)?;
    }
    Ok(names.into_iter().collect::<Vec<_>>().join("\n"))
}

/// The arguments that tell bindgen to describe these names, and what they need, only.
pub fn arguments(names: &str) -> Vec<OsString> {
    let names: Vec<&str> = names.lines().collect();
    names
        .chunks(AT_ONCE)
        .map(|names| format!("{CONSTANT}(?:{})", names.join("|")))
        .flat_map(|pattern| ["--allowlist-item".into(), pattern.into()])
        .collect()
}

/// Follows no links.
fn collect(folder: &Path, names: &mut BTreeSet<String>) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    for entry in entries {
        let entry = entry?;
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        let kind = entry.file_type()?;
        if kind.is_dir() && !name.starts_with('.') && !NOT_SOURCE.contains(&&*name) {
            collect(&path, names)?;
        } else if let (true, Some(end)) = (kind.is_file(), path.extension()) {
            let rust = end == "rs";
            if rust || end == "c" || end == "h" {
                let text = fs::read(&path).with_context(|| path.display().to_string())?;
                add(&String::from_utf8_lossy(&text), rust, names);
            }
        }
    }
    Ok(())
}

/// Adds the names of a file. One in C is the interface itself, one in Rust has to speak of it.
fn add(text: &str, rust: bool, names: &mut BTreeSet<String>) {
    let words: BTreeSet<&str> = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_'))
        .filter(|word| word.len() > 1 && !word.starts_with(|c: char| c.is_ascii_digit()))
        .collect();
    if rust && !CRATES.iter().any(|name| words.contains(name)) {
        return;
    }
    for word in words {
        let ends = word.match_indices('_').map(|(at, _)| at);
        let beginnings = ends.filter(|&end| end > 1).map(|end| &word[..end]);
        names.extend(beginnings.chain([word]).map(str::to_owned));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(file: &str, text: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("sub")).unwrap();
        fs::write(folder.path().join("sub").join(file), text).unwrap();
        spelled_in([folder.path()]).unwrap()
    }

    #[test]
    fn every_identifier_counts_where_the_interface_is_spoken_of() {
        let text = "use kernel::bindings;\n// not this\nlet x = bindings::file2 + 0x1f;\n";
        assert_eq!(names("a.rs", text), "bindings\nfile2\nkernel\nlet\nuse");
        assert_eq!(names("a.rs", "use kernel::prelude::*;"), "");
        assert_eq!(names("a.rs", "// bindings\nfn f() {}"), "");
        assert_eq!(names("a.c", "void *get(void);"), "get\nvoid");
        assert_eq!(names("a.md", "bindings"), "");
    }

    #[test]
    fn the_enumeration_of_a_value_counts() {
        let text = "uapi::wq_consts_WORK_CPU";
        let wanted = "uapi\nwq\nwq_consts\nwq_consts_WORK\nwq_consts_WORK_CPU";
        assert_eq!(names("a.rs", text), wanted);
        assert_eq!(names("a.c", "__u8"), "__u8");
    }

    #[test]
    fn links_and_what_is_no_source_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("module");
        for name in ["target", ".git"] {
            fs::create_dir_all(inside.join(name)).unwrap();
            fs::write(inside.join(name).join("a.c"), "built").unwrap();
        }
        fs::write(folder.path().join("b.c"), "elsewhere").unwrap();
        std::os::unix::fs::symlink("../b.c", inside.join("b.c")).unwrap();
        assert_eq!(spelled_in([inside.as_path()]).unwrap(), "");
    }

    #[test]
    fn no_argument_is_longer_than_the_system_takes() {
        let names: Vec<String> = (0..2500).map(|n| format!("name_{n}")).collect();
        let args = arguments(&names.join("\n"));
        assert_eq!(args.len(), 6);
        assert!(args.iter().all(|arg| arg.len() < 128 << 10));
        let first = args[1].to_str().unwrap();
        assert!(
            first.starts_with("(?:RUST_CONST_HELPER_)?(?:name_0|name_1|"),
            "{first}"
        );
        assert!(arguments("").is_empty());
    }
}
