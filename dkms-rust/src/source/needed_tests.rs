// SPDX-License-Identifier: GPL-2.0-only

use super::*;
use crate::source::archive::tests::{FILES, archive};
use std::os::unix::fs::PermissionsExt;

#[test]
fn a_rebuild_gets_rust_its_scripts_and_the_private_headers_it_includes() {
    let (dir, path) = archive(FILES);
    let tree = dir.path().join("tree");
    copy(
        &LinuxSource::open(&path).unwrap(),
        Path::new("/none"),
        &tree,
    )
    .unwrap();
    let there = |file: &str| tree.join(file).is_file();
    assert!(there("rust/Makefile") && there("rust/kernel/lib.rs"));
    assert!(there("init/Kconfig") && there("Makefile"));
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
fn a_directory_gives_what_an_archive_gives_and_not_what_was_built_in_it() {
    let (dir, path) = archive(FILES);
    let (from_archive, from_directory) = (dir.path().join("a"), dir.path().join("b"));
    copy(
        &LinuxSource::open(&path).unwrap(),
        Path::new("/none"),
        &from_archive,
    )
    .unwrap();

    let tree = dir.path().join("tree");
    let built = [
        "rust/libkernel.rmeta",
        "rust/.kernel.o.cmd",
        "rust/bindings/bindings_generated.rs",
    ];
    for (name, text) in FILES.iter().copied().chain(built.map(|name| (name, ""))) {
        fs::create_dir_all(tree.join(name).parent().unwrap()).unwrap();
        fs::write(tree.join(name), text).unwrap();
    }
    copy(
        &LinuxSource::open(&tree).unwrap(),
        Path::new("/none"),
        &from_directory,
    )
    .unwrap();
    let files = |folder: &Path| {
        let mut all = Vec::new();
        fn walk(folder: &Path, all: &mut Vec<PathBuf>) {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    walk(&path, all);
                } else {
                    all.push(path);
                }
            }
        }
        walk(folder, &mut all);
        let inside = |path: &PathBuf| path.strip_prefix(folder).unwrap().to_owned();
        let mut all: Vec<_> = all.iter().map(inside).collect();
        all.sort();
        all
    };
    assert_eq!(files(&from_directory), files(&from_archive));
}

#[test]
fn a_private_header_that_the_kernel_s_headers_have_is_not_copied() {
    let (dir, path) = archive(FILES);
    let (tree, headers) = (dir.path().join("tree"), dir.path().join("headers"));
    fs::create_dir_all(headers.join("drivers/base")).unwrap();
    fs::write(headers.join("drivers/base/base.h"), "").unwrap();
    copy(&LinuxSource::open(&path).unwrap(), &headers, &tree).unwrap();
    assert!(!tree.join("drivers/base/base.h").exists());
}

#[test]
fn the_kconfig_of_an_abstraction_is_found_wherever_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let (source, tree) = (folder.path().join("source"), folder.path().join("tree"));
    for (name, text) in [
        ("Makefile", ""),
        (
            "drivers/odd/place/Kconfig",
            "config RUST_NEW_ABSTRACTIONS\n\tbool\n",
        ),
        (
            "drivers/net/phy/Kconfig",
            "\tselect RUST_NEW_ABSTRACTIONS\n",
        ),
    ] {
        fs::create_dir_all(source.join(name).parent().unwrap()).unwrap();
        fs::write(source.join(name), text).unwrap();
    }
    fs::create_dir_all(source.join("rust/kernel")).unwrap();
    for (code, there) in [
        ("", false),
        ("#[cfg(CONFIG_RUST_NEW_ABSTRACTIONS)]\npub mod new;\n", true),
    ] {
        fs::write(source.join("rust/kernel/lib.rs"), code).unwrap();
        copy(
            &LinuxSource::open(&source).unwrap(),
            Path::new("/none"),
            &tree,
        )
        .unwrap();
        assert_eq!(tree.join("drivers/odd/place/Kconfig").exists(), there);
    }
}

#[test]
fn an_archive_of_something_else_is_told() {
    let (dir, path) = archive(&[]);
    let error = copy(
        &LinuxSource::open(&path).unwrap(),
        Path::new("/none"),
        &dir.path().join("tree"),
    )
    .unwrap_err()
    .to_string();
    assert!(error.contains("has no rust/"), "{error}");
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
