// SPDX-License-Identifier: GPL-2.0-only

//! Runs dkms-rust as the rustc that kbuild calls. A script replaces the real rustc.

use dkms_rust::build::rustc_shim;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, ExitStatus};

/// Builds `core` through the shim. The fake rustc logs which library it builds, and exits as given.
fn build_core(folder: &Path, of_the_thin: &str, of_the_whole: &str) -> (ExitStatus, String) {
    let rustc = folder.join("rustc");
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in\n\
         */thin/core/src/lib.rs*) echo thin >> log; exit {of_the_thin};;\n\
         *) echo whole >> log; exit {of_the_whole};;\nesac\n"
    );
    fs::write(&rustc, script).unwrap();
    fs::set_permissions(&rustc, fs::Permissions::from_mode(0o755)).unwrap();
    let shim = folder.join(rustc_shim::RUSTC);
    symlink(env!("CARGO_BIN_EXE_dkms-rust"), &shim).unwrap();
    let status = Command::new(shim)
        .args(["--emit=obj=core.o", "--emit=metadata=libcore.rmeta"])
        .arg("/library/core/src/lib.rs")
        .env(rustc_shim::REAL_RUSTC, rustc)
        .env(rustc_shim::THIN, folder.join("thin"))
        .current_dir(folder)
        .status()
        .unwrap();
    let log = fs::read_to_string(folder.join("log")).unwrap();
    (status, log)
}

#[test]
fn core_is_built_from_the_whole_library_only_where_the_thin_one_does_not_compile() {
    for (of_the_thin, of_the_whole, built, ok) in [
        ("0", "0", "thin\n", true),
        ("1", "0", "thin\nwhole\n", true),
        ("1", "1", "thin\nwhole\n", false),
        // Killed, for example because memory ran out. The whole library would take even more.
        ("137", "0", "thin\n", false),
        ("$(kill -9 $$)", "0", "thin\n", false),
        // The whole library does not help if the disk is full.
        ("1$(echo No space left on device >&2)", "0", "thin\n", false),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (status, log) = build_core(folder.path(), of_the_thin, of_the_whole);
        assert_eq!((log.as_str(), status.success()), (built, ok));
    }
}
