// SPDX-License-Identifier: GPL-2.0-only

//! Linked modules: provides what a module needs of the Rust crates if the kernel has none, or if
//! another rustc compiled the kernel's.
//!
//! The crates are compiled with `-Zcross-crate-inline-threshold=always`. The module's own rustc can
//! then compile each of their functions into the module, as it always does with generic functions.
//! So no code has to be cut out of compiled crates. The tables that the kernel reads when it loads
//! a module (alternatives, exception tables, unwind data) describe exactly the code in the module,
//! and the usual tools make them. What remains is data (`static`s), the few functions that C or the
//! compiler call by name (panic handler, `rust_fmt_argument`), and the helpers in C. These are in
//! two archives, from which [`link_runtime`] takes what a module needs:
//!
//! - `crates.a` has the crates' objects, with one section per function, so that unused functions
//!   can be dropped.
//! - `helpers.a` has our own functions from `dkms-rust/runtime` and, if the kernel does not export
//!   them, its `rust/helpers`. Each source is one object and is linked as a whole, because C code
//!   comes with such tables.

use crate::build::formatters;
use crate::build::helpers;
use crate::build::link_runtime;
use crate::system::launch;
use anyhow::Result;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// The runtime's directory in a build tree.
pub const FOLDER: &str = "rust/runtime";

/// The flags that allow modules to inline a crate's functions.
pub const RUSTC_FLAGS: [&str; 2] = [
    "-Zcross-crate-inline-threshold=always",
    "-Zfunction-sections=y",
];

/// kbuild's target for the runtime.
pub const TARGET: &str = "dkms-rust-runtime";

/// The rules for this target. `dkms-rust-metadata` makes the crates.
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

/// Our own part. It is C, because the functions take variable arguments.
const OWN: [(&str, &str); 5] = [
    ("printk.c", include_str!("../../runtime/printk.c")),
    ("dev_printk.c", include_str!("../../runtime/dev_printk.c")),
    ("seq_printf.c", include_str!("../../runtime/seq_printf.c")),
    ("format.h", include_str!("../../runtime/format.h")),
    (
        link_runtime::SCRIPT,
        include_str!("../../runtime/merge.lds"),
    ),
];

/// The helpers are not traced, like the inline functions that they make callable. Their debug
/// information does not name the directory in which the tree is made, whose name is another each
/// time: it decides the module's build ID, and the same source is to give the same module.
const FLAGS: &str = "\
ccflags-y := -Wno-missing-prototypes -Wno-missing-declarations
ccflags-y += -fdebug-prefix-map=$(CURDIR)=.
ccflags-remove-y := $(CC_FLAGS_FTRACE)

$(obj)/helpers.a: $(addprefix $(obj)/,$(runtime-y))
\t$(Q)$(AR) rcsD $@ $^
";

/// Writes the sources of the runtime into a tree that has the kernel's `rust/`. The kernel's
/// helpers in C are only needed if the kernel does not export them.
///
/// # Errors
///
/// Returns an error if the kernel's helpers are not in the expected place, or on write errors.
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

/// Makes the tree use the rustc that links the runtime into each object, whoever calls make.
/// Returns the lines that must come before the kernel's own Makefile.
///
/// # Errors
///
/// Returns an error on write errors.
pub fn finish(tree: &Path, rustc: &Path) -> Result<String> {
    let folder = tree.join(FOLDER);
    let formatters = formatters::unknown(tree)?;
    fs::write(folder.join(link_runtime::FORMATTERS), formatters.join("\n"))?;
    for source in sources(&folder)? {
        fs::remove_file(source)?;
    }
    symlink(rustc, folder.join(link_runtime::RUSTC))?;
    let own = launch::own_path()?;
    for name in [link_runtime::NAME, link_runtime::CLIPPY] {
        symlink(&own, folder.join(name))?;
    }

    Ok(format!(
        "override RUSTC := $(dkms_rust_tree){FOLDER}/{}\n\
         override CLIPPY_DRIVER := $(dkms_rust_tree){FOLDER}/{}\n",
        link_runtime::NAME,
        link_runtime::CLIPPY
    ))
}

/// Returns the rustc that builds modules in a tree with a runtime.
pub fn rustc(tree: &Path) -> Option<PathBuf> {
    let rustc = tree.join(FOLDER).join(link_runtime::NAME);
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
        let linking = format!("{FOLDER}/{}", link_runtime::NAME);
        let clippy = format!("{FOLDER}/{}", link_runtime::CLIPPY);
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
