// SPDX-License-Identifier: GPL-2.0-only

//! One function for each kind of data that dkms-rust reads. Each takes bytes. None may panic, run
//! forever or use too much memory; what they return does not matter.
//!
//! The fuzzers call these functions. A test of dkms-rust also calls them, with everything that the
//! fuzzers found (`dkms-rust/tests/corpus/`).

use std::cell::OnceCell;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use dkms_rust::build::cache::Cache;
use dkms_rust::build::failures;
use dkms_rust::build::inputs::Inputs;
use dkms_rust::build::symbols::{self, Symbols};
use dkms_rust::kernel::kconfig::Kconfig;
use dkms_rust::kernel::{metadata, options};
use dkms_rust::source::archive::Archive;
use dkms_rust::source::slice::Slice;
use dkms_rust::status::module_file::ModuleFile;
use dkms_rust::status::outcomes::Outcomes;
use dkms_rust::system::{System, dpkg};
use liblzma::write::XzEncoder;
use tempfile::TempDir;

/// A function that reads. It gets a directory for its files, and the bytes to read.
type Reader = fn(&Path, &[u8]);

/// All targets, by name.
pub const TARGETS: &[(&str, Reader)] = &[
    ("archive", archive),
    ("tar", tar),
    ("slice", slice),
    ("symvers", symvers),
    ("config", config),
    ("options", option_entries),
    ("state", state),
    ("dpkg", answers),
    ("metadata", rmeta),
    ("object", object),
    ("module", module),
];

const RELEASE: &str = "7.3.4-amd64";

/// Passes `input` to the target of this name.
pub fn run(name: &str, input: &[u8]) {
    thread_local!(static DIR: OnceCell<TempDir> = const { OnceCell::new() });
    let (_, reader) = TARGETS
        .iter()
        .find(|(target, _)| *target == name)
        .expect("the target is in the list");
    DIR.with(|dir| {
        let dir = dir.get_or_init(|| tempfile::tempdir().expect("a directory can be made"));
        reader(dir.path(), input);
    });
}

/// Writes a file into the directory.
fn put(dir: &Path, name: &str, input: &[u8]) -> PathBuf {
    let path = dir.join(name);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).expect("a directory can be made");
    }
    fs::write(&path, input).expect("a file can be written");
    path
}

fn packed(input: &[u8]) -> Vec<u8> {
    let mut encoder = XzEncoder::new(Vec::new(), 0);
    encoder.write_all(input).expect("it can be packed");
    encoder.finish().expect("it can be packed")
}

/// A linux-source archive.
fn archive(dir: &Path, input: &[u8]) {
    let path = put(dir, "source.tar.xz", input);
    let tree = dir.join("tree");
    if let Ok(archive) = Archive::open(&path) {
        for folder in ["rust/", ""] {
            archive.extract(folder, &tree, |_| true).ok();
        }
    }
    fs::remove_dir_all(&tree).ok();
}

/// The content of a linux-source archive.
fn tar(dir: &Path, input: &[u8]) {
    archive(dir, &packed(input));
}

/// A slice in the cache.
fn slice(dir: &Path, input: &[u8]) {
    let system = System::below(dir);
    put(
        dir,
        &format!("var/lib/dkms-rust/source/{RELEASE}.tar.xz"),
        &packed(input),
    );
    let release = RELEASE.parse().expect("it is a release");
    let tree = dir.join("tree");
    if let Some(slice) = Slice::kept(&system, &release) {
        slice.unpack(&tree).ok();
    }
    fs::remove_dir_all(&tree).ok();
}

/// `Module.symvers`.
fn symvers(dir: &Path, input: &[u8]) {
    let path = put(dir, "Module.symvers", input);
    symbols::exports_helpers(&path).ok();
    symbols::missing(&[], &[path]).ok();
}

/// `.config` and `auto.conf`.
fn config(_: &Path, input: &[u8]) {
    let config = Kconfig::parse(&String::from_utf8_lossy(input));
    config.is_on("RUST");
    config.get("RUSTC_VERSION_TEXT");
}

/// A `Kconfig` file of the source.
fn option_entries(_: &Path, input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let config = Kconfig::parse("CONFIG_A=y\n");
    for entry in options::entries(&text) {
        entry.is_possible(&config);
    }
    for line in text.lines() {
        options::holds(line, &config);
    }
}

/// The JSON files: a tree's manifest, and what is remembered about kernels and packages.
fn state(dir: &Path, input: &[u8]) {
    let system = System::below(dir);
    let release = RELEASE.parse().expect("it is a release");
    let inputs = Inputs::new([("headers", "x")]);
    put(
        dir,
        &format!("var/cache/dkms-rust/{RELEASE}/tree/dkms-rust.json"),
        input,
    );
    Cache::find(&system, &release, &inputs);
    put(
        dir,
        &format!("var/lib/dkms-rust/failed/{RELEASE}.json"),
        input,
    );
    failures::of(&system, &release, &inputs);
    put(dir, "var/lib/dkms-rust/package.json", input);
    Outcomes::load(&system, "package");
}

/// The output of dpkg and apt.
fn answers(_: &Path, input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    dpkg::parse_source(&text);
    dpkg::parse_owners(&text);
    dpkg::offers_in(&text).count();
    for line in text.lines() {
        dpkg::installed_by(line, "rustc");
        dpkg::is_upstream(line, "7.3.4");
    }
}

/// The head of Rust metadata.
fn rmeta(dir: &Path, input: &[u8]) {
    put(dir, metadata::KERNEL, input);
    metadata::rustc_of(dir);
}

/// An object file that a module is linked from, or an archive of them.
fn object(dir: &Path, input: &[u8]) {
    let path = put(dir, "object.o", input);
    let symvers = put(
        dir,
        "Module.symvers",
        b"0x0\t_RNvA\tvmlinux\tEXPORT_SYMBOL\t\n",
    );
    Symbols::of(&path).ok();
    Symbols::of_archive(&path).ok();
    symbols::count_of_kernel(&path, &symvers).ok();
    symbols::missing(&[path], &[symvers]).ok();
}

/// A module's file. Skips compressions that another program unpacks, because each input would start
/// a process.
fn module(dir: &Path, input: &[u8]) {
    if !input.starts_with(b"\x28\xb5\x2f\xfd") && !input.starts_with(b"\x1f\x8b") {
        let path = put(dir, "module.ko", input);
        if let Ok(file) = ModuleFile::read(&path) {
            file.signer();
        }
    }
}
