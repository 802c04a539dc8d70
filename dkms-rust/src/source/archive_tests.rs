// SPDX-License-Identifier: GPL-2.0-only

use super::*;
use crate::source::xz::tests::compress;

/// Makes an archive of a kernel tree, with the files in the order of `git archive`, in small
/// blocks.
pub(crate) fn archive(files: &[(&str, &str)]) -> (tempfile::TempDir, PathBuf) {
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

pub(crate) const FILES: &[(&str, &str)] = &[
    ("drivers/android/binder/rust_binder.h", "int binder;\n"),
    (
        "drivers/base/base.h",
        "#include \"../../drivers/base/inner/deep.h\"\n",
    ),
    ("drivers/base/inner/deep.h", "int deep;\n"),
    (
        "Makefile",
        "VERSION = 7\nPATCHLEVEL = 3\nSUBLEVEL = 4\nEXTRAVERSION =\n",
    ),
    ("rust/Makefile", "obj-y := kernel.o\n"),
    (
        "rust/bindings/bindings_helper.h",
        "#include <../../drivers/base/base.h>\n",
    ),
    ("rust/kernel/lib.rs", "//! kernel\n"),
    ("init/Kconfig", "config RUST\n"),
    ("scripts/Makefile", "# scripts\n"),
    ("scripts/checkpatch.pl", "#!/usr/bin/perl\n"),
    ("scripts/generate_rust_target.rs", "fn main() {}\n"),
];

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
    // git puts "drivers/base-x" before "drivers/base/", tar puts it after.
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
fn a_name_that_is_too_long_is_an_error_and_not_read() {
    let names = |kind, length: u64| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(length);
        header.set_cksum();
        let bytes = io::Cursor::new(header.as_bytes().to_vec()).chain(io::repeat(b'x'));
        let mut seen = Vec::new();
        entries(bytes, |_, path| {
            seen.push(path.to_owned());
            Ok(false)
        })
        .map(|()| seen)
    };
    for kind in [tar::EntryType::GNULongName, tar::EntryType::XHeader] {
        let error = names(kind, 1 << 40).unwrap_err();
        assert!(error.to_string().contains("too long"), "{error:#}");
    }
}

#[test]
fn a_path_that_is_too_long_for_a_header_is_read_in_either_way() {
    let long = format!("linux/{}/x.h", "directory/".repeat(30));
    let mut gnu = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(1);
    gnu.append_data(&mut header, &long, &b"x"[..]).unwrap();

    let mut pax = tar::Builder::new(Vec::new());
    pax.append_pax_extensions([("path", long.as_bytes())])
        .unwrap();
    let mut header = tar::Header::new_ustar();
    header.set_path("short").unwrap();
    header.set_size(1);
    header.set_cksum();
    pax.append(&header, &b"x"[..]).unwrap();

    for bytes in [gnu, pax].map(|tar| tar.into_inner().unwrap()) {
        let mut seen = Vec::new();
        entries(&*bytes, |entry, path| {
            seen.push((path.to_owned(), entry.size()));
            Ok(true)
        })
        .unwrap();
        assert_eq!(seen, [(PathBuf::from(&long), 1)]);
    }
}
