// SPDX-License-Identifier: GPL-2.0-only

//! Small C objects replace the output of rustc. For the linker there is no difference.

use super::*;

/// A directory with a runtime and a compiler.
struct Tree(tempfile::TempDir);

impl Tree {
    /// Makes a runtime from the C sources of the crates and the helpers.
    fn new(crates: &str, helpers: &str) -> Self {
        let tree = Self(tempfile::tempdir().unwrap());
        fs::create_dir_all(tree.runtime()).unwrap();
        fs::write(
            tree.runtime().join(SCRIPT),
            include_str!("../../runtime/merge.lds"),
        )
        .unwrap();
        fs::write(
            tree.0.path().join("Module.symvers"),
            "0x0\texported\tvmlinux\t\t\n",
        )
        .unwrap();
        for (name, source) in [("crates", crates), ("helpers", helpers)] {
            let object = tree.compile(name, source);
            let archive = tree.runtime().join(format!("{name}.a"));
            run(Command::new("ar").arg("rcsD").arg(archive).arg(object)).unwrap();
        }
        tree
    }

    fn runtime(&self) -> PathBuf {
        self.0.path().join("rust/runtime")
    }

    fn compile(&self, name: &str, source: &str) -> PathBuf {
        let object = self.0.path().join(format!("{name}.o"));
        let file = object.with_extension("c");
        fs::write(&file, source).unwrap();
        let mut cc = Command::new("cc");
        cc.args([
            "-c",
            "-O1",
            "-ffunction-sections",
            "-fdata-sections",
            "-fno-builtin",
            "-w",
        ]);
        run(cc.args(["-fno-pic", "-o"]).arg(&object).arg(&file)).unwrap();
        object
    }

    fn linked(&self, module: &str) -> Result<Symbols> {
        let object = self.compile("module", module);
        link_into(&self.runtime(), &object)?;
        Symbols::of(&object)
    }
}

const CRATES: &str = "
    int table[4] = {1}; int other[4] = {2};
    void unused(void) { not_exported(); rust_helper_twice(1); }
    char *rust_fmt_argument(char *b, char *e, void *p) { return p ? e : b; }
    int __rust__udivti3(void) { return table[0]; }";

const HELPERS: &str = "
    int __wrap__printk(char *f, ...) { char b[9]; return rust_fmt_argument(b, b + 9, f) > b; }
    int rust_helper_twice(int x) { return exported(x); }";

fn names(set: &BTreeSet<String>) -> Vec<&str> {
    set.iter().map(String::as_str).collect()
}

#[test]
fn what_is_needed_comes_and_nothing_else_stays() {
    let tree = Tree::new(CRATES, HELPERS);
    let module = "extern int table[]; int init(void) { return table[1] + _printk(\"x\"); }";
    let symbols = tree.linked(module).unwrap();
    // The module has neither symbols that only a dropped function used, nor the kernel's own
    // printk, nor a global name that could collide with another module's runtime.
    assert_eq!(names(&symbols.defined), ["init"]);
    assert_eq!(names(&symbols.needed), ["exported"]);
    assert!(symbols.unused.is_empty(), "{:?}", symbols.unused);
}

#[test]
fn a_helper_that_only_a_dropped_function_calls_does_not_come() {
    let tree = Tree::new(CRATES, HELPERS);
    let symbols = tree.linked("extern int table[]; int init(void) { return table[1]; }");
    // The helper would need `exported`.
    assert!(symbols.unwrap().needed.is_empty());
}

#[test]
fn a_module_that_needs_nothing_stays_as_it_is() {
    let tree = Tree::new(CRATES, HELPERS);
    let symbols = tree
        .linked("int init(void) { return exported(); }")
        .unwrap();
    assert_eq!(names(&symbols.needed), ["exported"]);
}

#[test]
fn what_the_compiler_takes_for_granted_gets_the_crates_substitute() {
    let tree = Tree::new(CRATES, HELPERS);
    let symbols = tree
        .linked("int init(void) { return __udivti3(); }")
        .unwrap();
    assert!(symbols.needed.is_empty(), "{:?}", symbols.needed);
}

#[test]
fn what_the_crates_do_not_have_is_left_to_the_module_s_other_objects() {
    let tree = Tree::new(CRATES, HELPERS);
    let symbols = tree
        .linked("int init(void) { return rust_helper_own(); }")
        .unwrap();
    assert_eq!(names(&symbols.needed), ["rust_helper_own"]);
}

#[test]
fn rust_code_is_not_taken_from_a_kernel_that_exports_it_under_the_same_name() {
    let crates = "int _RNvOurs(void) { return exported(); } int rust_begin_unwind(void) {}";
    let tree = Tree::new(crates, HELPERS);
    let symvers = ["exported", "_RNvOurs", "rust_begin_unwind"];
    let symvers = symvers.map(|name| format!("0x0\t{name}\tvmlinux\t\t\n"));
    fs::write(tree.0.path().join("Module.symvers"), symvers.concat()).unwrap();
    let symbols = tree.linked("int init(void) { return _RNvOurs() + rust_begin_unwind(); }");
    assert_eq!(names(&symbols.unwrap().needed), ["exported"]);
}

#[test]
fn a_formatter_that_the_runtime_does_not_have_is_refused_by_name() {
    let tree = Tree::new(CRATES, HELPERS);
    fs::write(tree.runtime().join(FORMATTERS), "new_printk\n").unwrap();
    let error = tree.linked("int init(void) { return new_printk(\"%pA\"); }");
    let error = format!("{:#}", error.unwrap_err());
    assert!(error.contains("the kernel's new_printk"), "{error}");
}

#[test]
fn more_names_than_fit_on_a_command_line_are_no_problem() {
    use std::fmt::Write;
    let mut module = String::new();
    let long = "x".repeat(150);
    for number in 0..20_000 {
        writeln!(module, "int {long}_{number};").unwrap();
    }
    let tree = Tree::new(CRATES, HELPERS);
    let symbols = tree
        .linked(&(module + "int init(void) { return _printk(\"x\"); }"))
        .unwrap();
    assert_eq!(symbols.defined.len(), 20_001);
}

#[test]
fn the_object_is_what_rustc_was_asked_for() {
    let args = |args: &str| args.split(' ').map(OsString::from).collect::<Vec<_>>();
    let module = args("--edition=2021 --emit=dep-info=.a.d --emit=obj=a.o a.rs");
    assert_eq!(object(&module).unwrap(), Some("a.o".into()));
    assert_eq!(object(&args("--version --verbose")).unwrap(), None);
}
