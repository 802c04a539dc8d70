// SPDX-License-Identifier: GPL-2.0-only

//! Class "no rust": what a module needs of the Rust crates where the kernel has none of them.
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
//! - `helpers.a`: the kernel's `rust/helpers`, an object a file, each taken whole, since code in C
//!   comes with such tables, and the few functions of our own in `dkms-rust/runtime`.

use crate::build::link;
use anyhow::{Context, Result, ensure};
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

/// Writes the sources of the runtime into a tree that has the kernel's `rust/`.
///
/// # Errors
///
/// If the kernel's helpers are not where they are looked for, or on errors of writing.
pub fn prepare(tree: &Path) -> Result<()> {
    let folder = tree.join(FOLDER);
    fs::create_dir(&folder)?;
    for (name, text) in OWN {
        fs::write(folder.join(name), text)?;
    }
    let mut count = 0;
    let helpers = tree.join("rust/helpers");
    let entries = fs::read_dir(&helpers).with_context(|| helpers.display().to_string())?;
    for entry in entries {
        let name = entry?.file_name();
        let name = name.to_string_lossy();
        // helpers.c only includes all others.
        if name.ends_with(".c") && name != "helpers.c" {
            let text = format!("#include \"../helpers/{name}\"\n");
            let path = folder.join(&*name);
            ensure!(
                !path.exists(),
                "the kernel has a helper of our own's name: {name}"
            );
            fs::write(path, text)?;
            count += 1;
        }
    }
    ensure!(count > 0, "{} has no helpers", helpers.display());

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
/// into what it compiled, whoever calls make.
///
/// # Errors
///
/// On errors of writing.
pub fn finish(tree: &Path, rustc: &Path) -> Result<()> {
    let folder = tree.join(FOLDER);
    for source in sources(&folder)? {
        fs::remove_file(source)?;
    }
    symlink(rustc, folder.join(link::RUSTC))?;
    let own = std::env::current_exe().context("can't find my own program")?;
    symlink(own, folder.join(link::NAME))?;

    // The kernel's Makefile takes the folder of the last one read for the tree's.
    fs::rename(tree.join("Makefile"), tree.join("Makefile.kernel"))?;
    let makefile = format!(
        "# By dkms-rust: this kernel has no Rust, so that modules get what they need of it.\n\
         dkms_rust_tree := $(dir $(abspath $(lastword $(MAKEFILE_LIST))))\n\
         override RUSTC := $(dkms_rust_tree){FOLDER}/{}\n\
         include $(dkms_rust_tree)Makefile.kernel\n",
        link::NAME
    );
    Ok(fs::write(tree.join("Makefile"), makefile)?)
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

    fn tree(helpers: &[&str]) -> tempfile::TempDir {
        let tree = tempfile::tempdir().unwrap();
        fs::create_dir_all(tree.path().join("rust/helpers")).unwrap();
        for helper in helpers {
            fs::write(tree.path().join("rust/helpers").join(helper), "").unwrap();
        }
        tree
    }

    #[test]
    fn each_helper_is_an_object_of_its_own_beside_ours() {
        let tree = tree(&["helpers.c", "mutex.c", "bug.c"]);
        prepare(tree.path()).unwrap();
        let folder = tree.path().join(FOLDER);
        let makefile = fs::read_to_string(folder.join("Makefile")).unwrap();
        let objects = "runtime-y := bug.o dev_printk.o mutex.o printk.o seq_printf.o\n";
        assert!(makefile.contains(objects), "{makefile}");
        let bug = fs::read_to_string(folder.join("bug.c")).unwrap();
        assert_eq!(bug, "#include \"../helpers/bug.c\"\n");
    }

    #[test]
    fn a_helper_that_would_hide_ours_is_an_error() {
        let error = prepare(tree(&["printk.c"]).path()).unwrap_err();
        assert!(error.to_string().contains("printk.c"), "{error}");
    }

    #[test]
    fn whoever_calls_make_gets_the_rustc_that_links() {
        let tree = tree(&["bug.c"]);
        let tree = tree.path();
        prepare(tree).unwrap();
        fs::write(tree.join("Makefile"), "all: ; @echo $(RUSTC)\n").unwrap();
        finish(tree, Path::new("/usr/bin/rustc")).unwrap();
        let make = |arg: &str| {
            let mut make = std::process::Command::new("make");
            make.arg("-C").arg(tree).args(["-s", arg]);
            String::from_utf8(make.output().unwrap().stdout).unwrap()
        };
        let ours = format!("{}\n", rustc(tree).unwrap().display());
        assert_eq!(make("RUSTC=/usr/bin/rustc"), ours);
        assert!(!tree.join(FOLDER).join("bug.c").exists());
    }
}
