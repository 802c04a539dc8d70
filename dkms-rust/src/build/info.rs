// SPDX-License-Identifier: GPL-2.0-only

//! Adds a modinfo field to each module. It says how the module was built, by which rustc, and
//! against which headers.

use crate::build::way::Way;
use anyhow::{Context, Result};
use std::fs;
use std::path::Path;

/// The name of the field.
pub const FIELD: &str = "dkms_rust";

/// The object in a tree that contains the field. The linker adds it to each module. It has an
/// unusual ending, so that it is not taken for one of kbuild's own objects.
pub const OBJECT: &str = "rust/dkms-rust.modinfo";
const SOURCE: &str = "dkms-rust-modinfo.S";

/// The text before the headers' fingerprint.
const HEADERS: &str = "; headers ";

/// kbuild's target for the object.
pub const TARGET: &str = "dkms-rust-modinfo";

/// The rule for this target.
pub const RULES: &str = "
.PHONY: dkms-rust-modinfo
dkms-rust-modinfo:
\t$(Q)$(CC) $(KBUILD_CPPFLAGS) $(KBUILD_AFLAGS) -c -o rust/dkms-rust.modinfo dkms-rust-modinfo.S
";

/// Writes the object's source into a tree.
///
/// # Errors
///
/// Returns an error on write errors.
pub fn prepare(tree: &Path, way: Way, rustc: &str, headers: &str) -> Result<()> {
    let value = value(way, rustc, headers);
    let text = format!(
        "\t.section .modinfo,\"a\"\n\t.asciz \"{FIELD}={value}\"\n\
         \t.section .note.GNU-stack,\"\",%progbits\n"
    );
    let source = tree.join(SOURCE);
    fs::write(&source, text).with_context(|| format!("can't write {}", source.display()))
}

/// Removes the object's source from the tree, and has the linker add the object to each module,
/// whoever calls make. The tree's Makefile starts with the lines `before`, then includes the
/// kernel's own.
///
/// # Errors
///
/// Returns an error on write errors.
pub fn finish(tree: &Path, before: &str) -> Result<()> {
    fs::remove_file(tree.join(SOURCE))?;
    // The kernel's Makefile takes the directory of the last makefile as its tree, so keep it in the
    // tree.
    fs::rename(tree.join("Makefile"), tree.join("Makefile.kernel"))?;
    let makefile = format!(
        "# By dkms-rust, around the kernel's own.\n\
         dkms_rust_tree := $(dir $(abspath $(lastword $(MAKEFILE_LIST))))\n\
         {before}\
         include $(dkms_rust_tree)Makefile.kernel\n\
         KBUILD_LDFLAGS_MODULE += $(dkms_rust_tree){OBJECT}\n"
    );
    Ok(fs::write(tree.join("Makefile"), makefile)?)
}

fn value(way: Way, rustc: &str, headers: &str) -> String {
    let plain = |c: &char| c.is_ascii_alphanumeric() || " ().,+-_~".contains(*c);
    let rustc: String = rustc.chars().filter(plain).collect();
    format!("{way} by {rustc}{HEADERS}{headers}")
}

/// The parsed value of the field.
#[derive(Debug, PartialEq, Eq)]
pub struct Info<'a> {
    /// The way and the rustc, for example `linked by rustc 1.96.1 (...)`.
    pub how: &'a str,
    /// The fingerprint of the headers.
    pub headers: &'a str,
}

/// Parses the field's value.
pub fn parse(value: &str) -> Option<Info<'_>> {
    let (how, headers) = value.rsplit_once(HEADERS)?;
    Some(Info { how, headers })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_understood() {
        let text = value(Way::Linked, "rustc 1.96.1 (\"a\\b\" 2026)", "0123");
        assert_eq!(text, "linked by rustc 1.96.1 (ab 2026); headers 0123");
        let info = parse(&text).unwrap();
        assert_eq!(info.how, "linked by rustc 1.96.1 (ab 2026)");
        assert_eq!(info.headers, "0123");
        assert_eq!(parse("something else"), None);
    }

    #[test]
    fn whoever_calls_make_links_it() {
        let dir = tempfile::tempdir().unwrap();
        let tree = dir.path();
        prepare(tree, Way::Rebuilt, "rustc 1", "01").unwrap();
        let makefile = "KBUILD_LDFLAGS_MODULE := -a\nexport KBUILD_LDFLAGS_MODULE\n\
                        all: ; @echo $$KBUILD_LDFLAGS_MODULE $(RUSTC)\n";
        fs::write(tree.join("Makefile"), makefile).unwrap();
        finish(tree, "override RUSTC := ours\n").unwrap();
        let mut make = std::process::Command::new("make");
        make.arg("-C").arg(tree).args(["-s", "RUSTC=theirs"]);
        let said = String::from_utf8(make.output().unwrap().stdout).unwrap();
        assert_eq!(said, format!("-a {}/{OBJECT} ours\n", tree.display()));
        assert!(!tree.join(SOURCE).exists());
    }
}
