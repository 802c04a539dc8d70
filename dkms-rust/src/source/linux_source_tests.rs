// SPDX-License-Identifier: GPL-2.0-only

use super::*;
use crate::source::xz::tests::compress;
use std::os::unix::fs::PermissionsExt;

/// A kernel tree's worth of files, in the order of `git archive`, in small blocks.
fn archive(files: &[(&str, &str)]) -> (tempfile::TempDir, PathBuf) {
    let mut tar = tar::Builder::new(Vec::new());
    let filler = "x".repeat(3000);
    let mut all: Vec<(String, &str)> = files.iter().map(|(p, t)| ((*p).to_owned(), *t)).collect();
    for folder in [
        "arch",
        "drivers/acpi",
        "drivers/zorro",
        "net",
        "samples",
        "sound",
    ] {
        all.extend((0..20).map(|n| (format!("{folder}/file{n:02}.c"), filler.as_str())));
    }
    all.sort();
    for (path, text) in &all {
        let mut header = tar::Header::new_ustar();
        header.set_size(text.len() as u64);
        header.set_mode(if path.starts_with("scripts/") {
            0o755
        } else {
            0o644
        });
        header.set_cksum();
        let path = format!("linux-source-7.3/{path}");
        tar.append_data(&mut header, path, text.as_bytes()).unwrap();
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("linux-source-7.3.tar.xz");
    fs::write(&path, compress(&tar.into_inner().unwrap(), 20_000)).unwrap();
    (dir, path)
}

const FILES: &[(&str, &str)] = &[
    ("drivers/android/binder/rust_binder.h", "int binder;\n"),
    (
        "drivers/base/base.h",
        "#include \"../../drivers/base/inner/deep.h\"\n",
    ),
    ("drivers/base/inner/deep.h", "int deep;\n"),
    ("rust/Makefile", "obj-y := kernel.o\n"),
    (
        "rust/bindings/bindings_helper.h",
        "#include <../../drivers/base/base.h>\n",
    ),
    ("rust/kernel/lib.rs", "//! kernel\n"),
    ("scripts/Makefile", "# scripts\n"),
    ("scripts/checkpatch.pl", "#!/usr/bin/perl\n"),
    ("scripts/generate_rust_target.rs", "fn main() {}\n"),
];

#[test]
fn a_rebuild_gets_rust_its_scripts_and_the_private_headers_it_includes() {
    let (dir, path) = archive(FILES);
    let tree = dir.path().join("tree");
    unpack(&path, &tree, None).unwrap();
    let there = |file: &str| tree.join(file).is_file();
    assert!(there("rust/Makefile") && there("rust/kernel/lib.rs"));
    assert!(there("scripts/Makefile") && there("scripts/generate_rust_target.rs"));
    assert!(there("drivers/base/base.h"), "included from rust/");
    assert!(
        there("drivers/base/inner/deep.h"),
        "included from a private header"
    );
    assert!(!there("scripts/checkpatch.pl"));
    assert!(
        !there("drivers/android/binder/rust_binder.h"),
        "nobody includes it"
    );
    assert!(!there("net/file00.c"));
    let executable = |file: &str| {
        let mode = fs::metadata(tree.join(file)).unwrap().permissions().mode();
        mode & 0o111 != 0
    };
    assert!(
        executable("scripts/generate_rust_target.rs"),
        "as in the archive"
    );
    assert!(!executable("rust/Makefile"));
    assert_eq!(
        fs::read_to_string(tree.join("rust/kernel/lib.rs")).unwrap(),
        "//! kernel\n"
    );
}

#[test]
fn only_the_blocks_that_can_hold_a_folder_are_read() {
    let (_dir, path) = archive(FILES);
    let archive = Archive::open(&path).unwrap();
    let read: usize = archive.runs("rust/").into_iter().map(|run| run.len()).sum();
    assert!((1..=2).contains(&read), "{read} of {}", archive.xz.blocks());
    assert!(archive.xz.blocks() > 15);
}

#[test]
fn both_orders_of_sorting_are_provided_for() {
    // git: "drivers/base-x" before "drivers/base/"; tar: after it.
    assert!(may_hold(
        "drivers/base-x/a",
        Some("drivers/base/b"),
        "drivers/base/"
    ));
    assert!(may_hold(
        "drivers/base/a",
        Some("drivers/base-x/b"),
        "drivers/base/"
    ));
    assert!(!may_hold("net/a", Some("net/b"), "drivers/base/"));
    assert!(!may_hold("arch/a", Some("block/b"), "drivers/base/"));
    assert!(may_hold("drivers/a", None, "rust/"));
}

#[test]
fn an_archive_of_something_else_is_told() {
    let (dir, path) = archive(&[]);
    let error = unpack(&path, &dir.path().join("tree"), None)
        .unwrap_err()
        .to_string();
    assert!(error.contains("has no rust/"), "{error}");
}

#[test]
fn paths_that_leave_the_tree_are_passed_over() {
    assert_eq!(
        inside_tree(Path::new("linux-source-7.3/rust/a.rs")),
        Some("rust/a.rs")
    );
    assert_eq!(
        inside_tree(Path::new("linux-source-7.3/../etc/passwd")),
        None
    );
    assert_eq!(inside_tree(Path::new("/etc/passwd")), None);
}

#[test]
fn an_include_from_outside_names_its_header() {
    let path = |line| outside_include(line);
    assert_eq!(
        path("#include <../../drivers/base/base.h>"),
        Some("drivers/base/base.h".into())
    );
    assert_eq!(
        path("# include \"../../fs/x/y.h\" /* c */"),
        Some("fs/x/y.h".into())
    );
    assert_eq!(path("#include <linux/fs.h>"), None);
    assert_eq!(path("#include \"../../../etc/passwd\""), None);
    assert_eq!(path("// ../../drivers/base/base.h"), None);
}

mod version {
    use super::*;
    use crate::kernel::headers::tests::make_installed;
    use std::fmt::Write;

    /// What `LinuxSource::of` says where dpkg has the given packages installed.
    fn of(packages: &[(&str, &str)], with_archive: bool) -> Result<LinuxSource, Refusal> {
        let root = tempfile::tempdir().unwrap();
        let release = "7.3.4+deb13-amd64".parse().unwrap();
        make_installed(root.path(), "7.3.4+deb13-amd64", "CONFIG_RUST=y\n");
        let system = System::below(root.path());
        fs::create_dir_all(system.dpkg().join("info")).unwrap();
        let mut status = String::new();
        for (name, version) in packages {
            write!(
                status,
                "Package: {name}\nStatus: install ok installed\nArchitecture: all\n\
                 Maintainer: x <x@y>\nVersion: {version}\nDescription: x\n\n"
            )
            .unwrap();
        }
        fs::write(system.dpkg().join("status"), status).unwrap();
        if with_archive {
            fs::write(system.sources().join("linux-source-7.3.tar.xz"), "").unwrap();
        }
        LinuxSource::of(&system, &Kernel::find(&system, &release).unwrap())
    }

    const HEADERS: (&str, &str) = ("linux-headers-7.3.4+deb13-amd64", "7.3.4-1~bpo13+1");

    #[test]
    fn the_same_debian_version_fits() {
        let source = of(&[HEADERS, ("linux-source-7.3", "7.3.4-1~bpo13+1")], true).unwrap();
        assert_eq!(source.version, "7.3.4-1~bpo13+1");
    }

    #[test]
    fn another_revision_of_the_same_upstream_version_is_refused() {
        let refusal = of(&[HEADERS, ("linux-source-7.3", "7.3.4-2")], true).unwrap_err();
        assert!(
            refusal
                .reason
                .contains("is version 7.3.4-2, but its headers are 7.3.4-1~bpo13+1")
        );
        let mend = refusal.mend.unwrap();
        assert_eq!(mend, "apt install linux-source-7.3=7.3.4-1~bpo13+1");
    }

    #[test]
    fn what_is_missing_is_named() {
        let refusal = of(&[HEADERS], true).unwrap_err();
        assert!(
            refusal.reason.contains("linux-source-7.3, from which"),
            "{refusal}"
        );
        let refusal = of(&[HEADERS, ("linux-source-7.3", "7.3.4-1~bpo13+1")], false).unwrap_err();
        assert!(
            refusal
                .reason
                .ends_with("linux-source-7.3.tar.xz is missing"),
            "{refusal}"
        );
        let refusal = of(&[], true).unwrap_err();
        assert!(
            refusal.reason.contains("not those of the package"),
            "{refusal}"
        );
    }
}
