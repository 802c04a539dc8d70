// SPDX-License-Identifier: GPL-2.0-only

use super::*;
use crate::kernel::headers::tests::make_installed;
use std::os::unix::fs::PermissionsExt;

fn rustc(path: &str, version: &str) -> Rustc {
    Rustc {
        path: path.into(),
        version: version.into(),
    }
}

#[test]
fn what_does_not_call_itself_rustc_is_none() {
    assert_eq!(ask("/bin/true".into()), None);
    assert_eq!(ask("/bin/echo".into()), None);
    let dir = tempfile::tempdir().unwrap();
    let stable = dir.path().join("rustc");
    fs::write(&stable, "#!/bin/sh\necho rustc 1.97.1\n").unwrap();
    fs::set_permissions(&stable, fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(ask(stable).unwrap().version, "rustc 1.97.1");
}

#[test]
fn the_system_s_rustc_comes_first_if_it_is_new_enough() {
    let root = tempfile::tempdir().unwrap();
    make_installed(root.path(), "6.12.107-amd64", "");
    let release = "6.12.107-amd64".parse().unwrap();
    let kernel = Kernel::find(&System::below(root.path()), &release).unwrap();
    let new_enough = |found: &[Rustc]| Rustc::new_enough(&kernel, found);
    let found = vec![
        rustc("/opt/rust/bin/rustc", "rustc 1.97.1 (abc 2026-01-01)"),
        rustc("/usr/bin/rustc", "rustc 1.85.1 (4eb161250 2025-03-15)"),
    ];
    let chosen = new_enough(&found).unwrap();
    assert_eq!(chosen.path, Path::new("/usr/bin/rustc"));
    assert_eq!(chosen.number(), Some(108_501));

    // The other rustc has the source of `core`.
    let sysroot = root.path().join("toolchain");
    let core = sysroot.join("lib/rustlib/src/rust/library/core/src");
    fs::create_dir_all(&core).unwrap();
    fs::write(core.join("lib.rs"), "").unwrap();
    let path = sysroot.join("rustc");
    fs::write(&path, format!("#!/bin/sh\necho {}\n", sysroot.display())).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    let with_source = rustc(path.to_str().unwrap(), "rustc 1.97.1");
    let without = rustc("/nonexistent/rustc", "rustc 1.97.1");
    let chosen = new_enough(&[without, with_source.clone()]).unwrap();
    assert_eq!(chosen, with_source);

    // The system's own rustc is too old, as bookworm's is.
    let old = rustc("/usr/bin/rustc", "rustc 1.63.0");
    let chosen = new_enough(&[old.clone(), found[0].clone()]).unwrap();
    assert_eq!(chosen.path, found[0].path);
    let refusal = new_enough(&[old]).unwrap_err();
    let why = refusal.reason;
    assert!(why.contains("rustc 1.78.0 or newer"), "{why}");
    assert!(why.ends_with("/usr/bin/rustc is \"rustc 1.63.0\""), "{why}");
    // apt has none here, so the mend is not an apt command.
    let mend = refusal.mend.unwrap();
    assert!(mend.starts_with("install rustc 1.78.0 or newer"), "{mend}");
    assert!(
        new_enough(&[])
            .unwrap_err()
            .reason
            .ends_with("none is installed")
    );
}

#[test]
fn the_library_is_the_toolchain_s_own_or_that_of_its_version_in_the_package() {
    let root = tempfile::tempdir().unwrap();
    let system = System::below(root.path());
    let library = |folder: &str| {
        let library = root.path().join(folder);
        fs::create_dir_all(library.join("core/src")).unwrap();
        fs::write(library.join("core/src/lib.rs"), "").unwrap();
        library
    };
    let packaged = library("usr/share/dkms-rust/library/1.85.1");
    let path = root.path().join("rustc");
    fs::write(
        &path,
        format!("#!/bin/sh\necho {}/usr\n", root.path().display()),
    )
    .unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    let source = |version| rustc(path.to_str().unwrap(), version).source(&system);
    assert_eq!(
        source("rustc 1.85.1 (4eb161250 2025-03-15)"),
        Some(packaged)
    );
    assert_eq!(source("rustc 1.85.0 (x)"), None);
    assert_eq!(source("rustc 1.85.1-nightly (x)"), None);
    let own = library("usr/lib/rustlib/src/rust/library");
    assert_eq!(source("rustc 1.85.1 (4eb161250 2025-03-15)"), Some(own));
}

#[test]
fn versions_are_counted_as_the_kernel_does() {
    let number = |version| rustc("", version).number();
    assert_eq!(number("rustc 1.85.1"), Some(108_501));
    assert_eq!(number("rustc 1.97.0-nightly (x)"), Some(109_700));
    assert_eq!(number("rustc unknown"), None);
}

#[test]
fn a_source_that_is_missing_is_fixed_by_whoever_brought_the_rustc() {
    let root = tempfile::tempdir().unwrap();
    let system = System::below(root.path());
    let of = |path| rustc(path, "rustc 1.85.1 (x)").fix_source(&system);
    let rustup = of("/home/user/.rustup/toolchains/1.85.1-x86_64/bin/rustc");
    assert_eq!(
        rustup,
        "rustup component add rust-src --toolchain 1.85.1-x86_64"
    );
    assert!(of("/usr/bin/rustc").contains("library 1.85.1 for /usr/bin/rustc"));
}
