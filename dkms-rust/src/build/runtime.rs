// SPDX-License-Identifier: GPL-2.0-only

//! Linked modules: what a module needs of the Rust crates where the kernel has none of them, or
//! has them compiled by another rustc.
//!
//! The crates are compiled with `-Zcross-crate-inline-threshold=always`: each of their functions
//! can then be compiled into the module that uses it, by the module's own rustc, as generic
//! functions are everywhere. So nothing has to be cut out of compiled crates, and what the kernel
//! walks at load (alternatives, exception tables, unwind data) is there for just the code that is
//! there, made by the same tools as that of any module. What is left is data (`static`s), the few
//! functions that C or the compiler call by name (panic handler, `rust_fmt_argument`), and the
//! helpers in C. Those are kept in two archives, and [`link`](crate::build::link) takes from them what a
//! module asks for:
//!
//! - `crates.a`: the crates' objects, a section a function, so that unused ones can be dropped;
//! - `helpers.a`: the few functions of our own in `dkms-rust/runtime` and, where the kernel does not
//!   export them, its `rust/helpers`: an object a file, each taken whole, since code in C comes
//!   with such tables.

use crate::build::formatters;
use crate::build::helpers;
use crate::build::link;
use anyhow::{Context, Result};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// The folder in a build tree.
pub const FOLDER: &str = "rust/runtime";

/// The flags by which a crate's functions can be compiled into modules.
pub const RUSTC_FLAGS: [&str; 2] = [
    "-Zcross-crate-inline-threshold=always",
    "-Zfunction-sections=y",
];

/// What kbuild makes of it.
pub const TARGET: &str = "dkms-rust-runtime";

/// Rules for the target; `dkms-rust-metadata` makes the crates.
pub const RULES: &str = "
.PHONY: dkms-rust-helpers dkms-rust-runtime
ifdef CONFIG_STACKPROTECTOR_PER_TASK
# Adds to the flags where a task has its canary.
dkms-rust-helpers: stack_protector_prepare
endif
dkms-rust-helpers:
\t$(Q)$(MAKE) KBUILD_MODULES=1 $(build)=rust/runtime rust/runtime/helpers.a
dkms-rust-runtime: dkms-rust-metadata dkms-rust-helpers
\t$(Q)$(AR) rcsD rust/runtime/crates.a rust/*.o
";

/// Our own part, in C since it takes variable arguments.
const OWN: [(&str, &str); 5] = [
    ("printk.c", include_str!("../../runtime/printk.c")),
    ("dev_printk.c", include_str!("../../runtime/dev_printk.c")),
    ("seq_printf.c", include_str!("../../runtime/seq_printf.c")),
    ("format.h", include_str!("../../runtime/format.h")),
    (link::SCRIPT, include_str!("../../runtime/merge.lds")),
];

/// Not traced, as no inline function is of which these are the callable form.
const FLAGS: &str = "\
ccflags-y := -Wno-missing-prototypes -Wno-missing-declarations
ccflags-remove-y := $(CC_FLAGS_FTRACE)

$(obj)/helpers.a: $(addprefix $(obj)/,$(runtime-y))
\t$(Q)$(AR) rcsD $@ $^
";

/// Writes the sources of the runtime into a tree that has the kernel's `rust/`; with its helpers in
/// C, unless the kernel exports those.
///
/// # Errors
///
/// If the kernel's helpers are not where they are looked for, or on errors of writing.
pub fn prepare(tree: &Path, with_helpers: bool) -> Result<()> {
    let folder = tree.join(FOLDER);
    fs::create_dir(&folder)?;
    for (name, text) in OWN {
        fs::write(folder.join(name), text)?;
    }
    if with_helpers {
        helpers::write(&tree.join("rust/helpers"), &folder)?;
    }

    let mut objects: Vec<_> = sources(&folder)?
        .iter()
        .filter_map(|source| {
            Some(format!(
                "{}.o",
                source.file_name()?.to_str()?.strip_suffix(".c")?
            ))
        })
        .collect();
    objects.sort();
    let objects = objects.join(" ");
    let makefile = format!("obj-m := runtime.o\nruntime-y := {objects}\n{FLAGS}");
    Ok(fs::write(folder.join("Makefile"), makefile)?)
}

/// Makes the tree one in which every rustc that kbuild calls is the one that links the runtime
/// into what it compiled, whoever calls make: what is given back belongs before the kernel's own
/// Makefile.
///
/// # Errors
///
/// On errors of writing.
pub fn finish(tree: &Path, rustc: &Path) -> Result<String> {
    let folder = tree.join(FOLDER);
    let formatters = formatters::unknown(tree)?;
    fs::write(folder.join(link::FORMATTERS), formatters.join("\n"))?;
    for source in sources(&folder)? {
        fs::remove_file(source)?;
    }
    symlink(rustc, folder.join(link::RUSTC))?;
    let own = std::env::current_exe().context("can't find my own program")?;
    for name in [link::NAME, link::CLIPPY] {
        symlink(&own, folder.join(name))?;
    }

    Ok(format!(
        "override RUSTC := $(dkms_rust_tree){FOLDER}/{}\n\
         override CLIPPY_DRIVER := $(dkms_rust_tree){FOLDER}/{}\n",
        link::NAME,
        link::CLIPPY
    ))
}

/// The rustc for modules of a tree with a runtime.
pub fn rustc(tree: &Path) -> Option<PathBuf> {
    let rustc = tree.join(FOLDER).join(link::NAME);
    rustc.exists().then_some(rustc)
}

fn sources(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == "c" || end == "h") {
            found.push(path);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> tempfile::TempDir {
        let tree = tempfile::tempdir().unwrap();
        let rust = tree.path().join("rust");
        for folder in ["helpers", "kernel", "bindings"] {
            fs::create_dir_all(rust.join(folder)).unwrap();
        }
        fs::write(rust.join("helpers/helpers.c"), "#include \"printk.c\"\n").unwrap();
        fs::write(rust.join("helpers/printk.c"), "").unwrap();
        fs::write(rust.join("bindings/bindings_generated.rs"), "").unwrap();
        tree
    }

    #[test]
    fn each_helper_is_an_object_of_its_own_beside_ours() {
        let tree = tree();
        prepare(tree.path(), true).unwrap();
        let makefile = fs::read_to_string(tree.path().join(FOLDER).join("Makefile")).unwrap();
        let objects = "runtime-y := dev_printk.o helper_printk.o printk.o seq_printf.o\n";
        assert!(makefile.contains(objects), "{makefile}");
    }

    #[test]
    fn helpers_that_the_kernel_exports_are_not_compiled() {
        let tree = tree();
        prepare(tree.path(), false).unwrap();
        let makefile = fs::read_to_string(tree.path().join(FOLDER).join("Makefile")).unwrap();
        let objects = "runtime-y := dev_printk.o printk.o seq_printf.o\n";
        assert!(makefile.contains(objects), "{makefile}");
    }

    #[test]
    fn the_rustc_of_a_finished_tree_is_the_one_that_links() {
        let tree = tree();
        let tree = tree.path();
        prepare(tree, true).unwrap();
        let before = finish(tree, Path::new("/usr/bin/rustc")).unwrap();
        let linking = format!("{FOLDER}/{}", link::NAME);
        let clippy = format!("{FOLDER}/{}", link::CLIPPY);
        for (variable, program) in [("RUSTC", &linking), ("CLIPPY_DRIVER", &clippy)] {
            let line = format!("override {variable} := $(dkms_rust_tree){program}");
            assert!(before.lines().any(|other| other == line), "{before}");
            assert!(
                fs::symlink_metadata(tree.join(program)).is_ok(),
                "{program}"
            );
        }
        assert_eq!(rustc(tree), Some(tree.join(linking)));
        assert!(!tree.join(FOLDER).join("helper_printk.c").exists());
    }
}
