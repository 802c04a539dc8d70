// SPDX-License-Identifier: GPL-2.0-only

use super::*;
use crate::kernel::headers::tests::make_installed;
use crate::source::archive::tests::FILES;
use std::fmt::Write;
use std::fs;

const RELEASE: &str = "7.3.4+deb13-amd64";

/// Finds the source when these packages are installed: name, source package, version.
fn of(packages: &[(&str, &str, &str)], with_archive: bool) -> Result<KernelSource, Refusal> {
    let root = tempfile::tempdir().unwrap();
    make_installed(root.path(), RELEASE, "CONFIG_RUST=y\n");
    let system = System::below(root.path());
    install(&system, packages);
    if with_archive {
        fs::write(system.sources().join("linux-source-7.3.tar.xz"), "").unwrap();
    }
    KernelSource::of(
        &system,
        &Kernel::find(&system, &RELEASE.parse().unwrap()).unwrap(),
        None,
    )
}

/// Makes dpkg report these packages as installed.
fn install(system: &System, packages: &[(&str, &str, &str)]) {
    fs::create_dir_all(system.dpkg().join("info")).unwrap();
    let mut status = String::new();
    for (name, source, version) in packages {
        write!(
            status,
            "Package: {name}\nStatus: install ok installed\nArchitecture: all\n\
             Source: {source}\nMaintainer: x <x@y>\nVersion: {version}\nDescription: x\n\n"
        )
        .unwrap();
    }
    fs::write(system.dpkg().join("status"), status).unwrap();
}

const HEADERS: (&str, &str, &str) = (
    "linux-headers-7.3.4+deb13-amd64",
    "linux",
    "7.3.4-1~bpo13+1",
);

#[test]
fn linux_source_of_the_same_source_package_and_version_fits() {
    let source = ("linux-source-7.3", "linux", "7.3.4-1~bpo13+1");
    let KernelSource::Here { debian, .. } = of(&[HEADERS, source], true).unwrap() else {
        panic!("not here")
    };
    assert_eq!(debian.as_deref(), Some("linux 7.3.4-1~bpo13+1"));
}

#[test]
fn another_revision_or_another_source_of_the_same_version_is_refused() {
    let refused = |source: (&str, &str, &str)| of(&[HEADERS, source], true).unwrap_err();
    let refusal = refused(("linux-source-7.3", "linux", "7.3.4-2"));
    let why = "is version 7.3.4-2, but its headers are 7.3.4-1~bpo13+1";
    assert!(refusal.reason.contains(why), "{refusal}");
    let refusal = refused(("linux-source-7.3", "linux-upstream", "7.3.4-1~bpo13+1"));
    let why = "is from the source package linux-upstream, but its headers are from linux";
    assert!(refusal.reason.contains(why), "{refusal}");
}

#[test]
fn the_slice_that_a_package_brought_is_used_and_kept() {
    let root = tempfile::tempdir().unwrap();
    let build = make_installed(root.path(), RELEASE, "CONFIG_RUST=y\n");
    let system = System::below(root.path());
    install(&system, &[HEADERS]);
    let makefile = build
        .parent()
        .unwrap()
        .join("linux-headers-common/Makefile");
    fs::write(makefile, "VERSION = 7\nPATCHLEVEL = 3\nSUBLEVEL = 4\n").unwrap();
    let kernel = Kernel::find(&system, &RELEASE.parse().unwrap()).unwrap();
    let (_archive, from) = crate::source::archive::tests::archive(FILES);
    let debian = Some("linux 7.3.4-1~bpo13+1".to_owned());
    let slice = Slice::take(&system, &kernel, &from, debian, false).unwrap();
    let folder = system.shared().join("source");
    fs::create_dir_all(&folder).unwrap();
    let packaged = folder.join("linux_7.3.4-1~bpo13+1.tar.xz");
    fs::rename(&slice.file, &packaged).unwrap();

    let found = KernelSource::of(&system, &kernel, None).unwrap();
    assert!(matches!(&found, KernelSource::Packaged(slice) if slice.file == packaged));
    assert_eq!(found.slice(&system, &kernel).unwrap().file, slice.file);
    let kept = Slice::kept(&system, &kernel.release).unwrap();
    assert_eq!(kept.info, slice.info);

    // A slice of another version is not used, whatever its name.
    fs::rename(&packaged, folder.join("linux_7.3.4-2.tar.xz")).unwrap();
    assert!(KernelSource::of(&system, &kernel, None).is_err());
    let other = dpkg::SourcePackage {
        package: "linux".into(),
        version: "7.3.4-2".into(),
    };
    assert!(Slice::packaged(&system, &other).is_none());
}

#[test]
fn what_is_missing_is_named() {
    let refusal = of(&[HEADERS], true).unwrap_err();
    assert!(
        refusal.reason.contains("linux-source-7.3 is not installed"),
        "{refusal}"
    );
    let source = ("linux-source-7.3", "linux", "7.3.4-1~bpo13+1");
    let refusal = of(&[HEADERS, source], false).unwrap_err();
    assert!(
        refusal
            .reason
            .ends_with("linux-source-7.3.tar.xz is missing"),
        "{refusal}"
    );
    let refusal = of(&[], true).unwrap_err();
    assert!(
        refusal.reason.contains("are not from a package"),
        "{refusal}"
    );
    // The system is in a directory here, as preflight's is.
    let mend = "add --source FILE-OR-DIRECTORY with the source that it was built from";
    assert_eq!(refusal.mend.as_deref(), Some(mend));
}

#[test]
fn the_tree_that_a_kernel_was_built_in_is_its_source() {
    let root = tempfile::tempdir().unwrap();
    make_installed(root.path(), RELEASE, "");
    let system = System::below(root.path());
    let kernel = Kernel::find(&system, &RELEASE.parse().unwrap()).unwrap();
    let tree = system.modules().join(RELEASE).join("source");
    for file in WHOLE {
        fs::create_dir_all(tree.join(file).parent().unwrap()).unwrap();
        fs::write(tree.join(file), "").unwrap();
    }
    for (makefile, fits) in [("VERSION = 8\n", false), ("VERSION = 7\n", true)] {
        fs::write(tree.join("Makefile"), makefile).unwrap();
        let found = KernelSource::of(&system, &kernel, None);
        let own = matches!(&found, Ok(KernelSource::Here { path, .. }) if *path == tree);
        assert_eq!(own, fits, "{found:?}");
    }
}
