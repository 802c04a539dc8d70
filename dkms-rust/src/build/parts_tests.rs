// SPDX-License-Identifier: GPL-2.0-only

use super::*;

/// A cache with the trees of two kernels, before a crate is made.
struct Trees {
    cache: tempfile::TempDir,
    rustc: PathBuf,
}

impl Trees {
    fn new() -> Self {
        let cache = tempfile::tempdir().unwrap();
        let rustc = cache.path().join("rustc");
        fs::write(&rustc, "").unwrap();
        let trees = Self { cache, rustc };
        for number in [1, 2] {
            trees.write(number, "rust/m/lib.rs", "cfg(CONFIG_A)\n");
            trees.write(number, "rust/libcore.rmeta", "core");
            trees.write(number, "rust/host/libq.rlib", "q");
            trees.write(number, "scripts/target.json", "{}");
            let config =
                format!("--cfg=CONFIG_A\n--cfg=CONFIG_A=\"y\"\n--cfg=CONFIG_N=\"{number}\"\n");
            trees.write(number, "include/rustc_cfg", &config);
        }
        trees
    }

    fn tree(&self, number: u32) -> PathBuf {
        self.cache.path().join(format!("7.3.{number}-amd64/key"))
    }

    fn write(&self, number: u32, file: &str, text: &str) {
        let file = self.tree(number).join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    fn part(&self, number: u32) -> Option<Part> {
        let tree = self.tree(number);
        let args = format!(
            "-Zbinary_dep_depinfo=y --target=./scripts/target.json --emit=dep-info=rust/.m.d --emit=obj=rust/m.o \
             --emit=metadata=rust/libm.rmeta \
             --crate-name m @./include/rustc_cfg rust/m/lib.rs \
             --remap-path-prefix={}=",
            tree.display()
        );
        let args: Vec<OsString> = args.split(' ').map(Into::into).collect();
        Part::of(&self.rustc, &args, &tree)
    }

    /// Makes the crate in the first tree, and keeps it.
    fn make(&self) {
        self.make_with("rust/host/libq.rlib");
    }

    fn make_with(&self, library: &str) {
        let part = self.part(1).unwrap();
        let depinfo = format!(
            "rust/m.o: rust/m/lib.rs {}/rust/libcore.rmeta {library}\n\nrust/m/lib.rs:\n\n# env-dep:NO_SUCH_VARIABLE\n",
            self.tree(1).display()
        );
        self.write(1, "rust/.m.d", &depinfo);
        self.write(1, "rust/libm.rmeta", "made");
        part.keep();
        // kbuild and the end of a rebuild remove this file.
        fs::remove_file(self.tree(1).join("rust/.m.d")).unwrap();
    }

    fn taken(&self) -> bool {
        let taken = self.part(2).unwrap().take(self.cache.path());
        let made = self.tree(2).join("rust/libm.rmeta");
        assert!(!taken || fs::read_to_string(made).unwrap() == "made");
        taken
    }
}

#[test]
fn what_one_kernel_has_is_taken_for_the_next_and_from_there_again() {
    let trees = Trees::new();
    assert!(!trees.taken());
    trees.make();
    assert!(trees.taken());
    let depinfo = fs::read_to_string(trees.tree(2).join("rust/.m.d")).unwrap();
    assert_eq!(sources(&depinfo), [Path::new("rust/host/libq.rlib")]);
    // The first tree had no object file.
    assert!(!trees.tree(2).join("rust/m.o").exists());
    // The first kernel is removed and installed again.
    fs::remove_dir_all(trees.tree(1).join(FOLDER)).unwrap();
    assert!(trees.part(1).unwrap().take(trees.cache.path()));
}

#[test]
fn nothing_is_taken_that_would_be_made_of_something_else() {
    for (file, text) in [
        ("rust/m/lib.rs", "fn f() {}\n"),
        ("rust/libcore.rmeta", "another core"),
        ("rust/host/libq.rlib", "another q"),
        ("scripts/target.json", "{\"a\": 1}"),
        (
            "include/rustc_cfg",
            "--cfg=CONFIG_A\n--cfg=CONFIG_A=\"m\"\n",
        ),
        ("include/rustc_cfg", ""),
    ] {
        let trees = Trees::new();
        trees.make();
        trees.write(2, file, text);
        assert!(!trees.taken(), "{file}: {text}");
    }
    let trees = Trees::new();
    trees.make();
    fs::write(&trees.rustc, "another").unwrap();
    assert!(!trees.taken());
    // No source names this option.
    let trees = Trees::new();
    trees.make();
    trees.write(
        2,
        "include/rustc_cfg",
        "--cfg=CONFIG_A\n--cfg=CONFIG_A=\"y\"\n",
    );
    assert!(trees.taken());
}

#[test]
fn a_crate_that_uses_macros_depends_on_all_options() {
    let trees = Trees::new();
    for number in [1, 2] {
        trees.write(number, "rust/libmacros.so", "");
    }
    trees.make_with("rust/libmacros.so");
    assert!(!trees.taken());
    let options = fs::read_to_string(trees.tree(1).join("include/rustc_cfg")).unwrap();
    trees.write(2, "include/rustc_cfg", &options);
    assert!(trees.taken());
}

#[test]
fn what_is_damaged_is_made_anew() {
    let trees = Trees::new();
    trees.make();
    let folder = trees.part(1).unwrap().folder();
    fs::write(folder.join("0"), "damaged").unwrap();
    assert!(!trees.taken());
    fs::write(folder.join(INFO), "damaged").unwrap();
    assert!(!trees.taken());
}

#[test]
fn what_names_no_crates_and_makes_nothing_is_not_kept() {
    let trees = Trees::new();
    for args in [NAMES_CRATES, "--emit=obj=a.o"] {
        assert!(Part::of(&trees.rustc, &[args.into()], &trees.tree(1)).is_none());
    }
}

#[test]
fn what_rustc_writes_for_make_is_read() {
    let depinfo = "a.o: a\\ b.rs c.rs\n\na\\ b.rs:\nc.rs:\n\n# env-dep:X=1\n# env-dep:Y\n";
    assert_eq!(sources(depinfo), [Path::new("a b.rs"), Path::new("c.rs")]);
    let expected = [("X", Some("1")), ("Y", None)];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.map(str::to_owned)));
    assert_eq!(variables(depinfo), expected.into());
}
