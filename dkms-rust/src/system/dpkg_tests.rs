// SPDX-License-Identifier: GPL-2.0-only

use super::*;
use std::fs;

#[test]
fn a_package_counts_as_soon_as_its_files_are_there() {
    let version = |line: &str| parse_source(line).map(|source| source.version);
    assert_eq!(
        parse_source("installed linux 7.3.4-1~bpo13+1"),
        Some(SourcePackage {
            package: "linux".into(),
            version: "7.3.4-1~bpo13+1".into()
        })
    );
    assert_eq!(version("unpacked linux 7.3.4-1"), Some("7.3.4-1".into()));
    assert_eq!(version("config-files linux 7.3.4-1"), None);
    assert_eq!(version("not-installed  "), None);
    assert_eq!(version(""), None);
}

#[test]
fn the_owner_of_a_file_is_found_by_either_path() {
    let root = tempfile::tempdir().unwrap();
    let system = System::below(root.path());
    let info = system.dpkg().join("info");
    fs::create_dir_all(&info).unwrap();
    let status = "Package: x\nStatus: install ok installed\nArchitecture: all\n\
                  Maintainer: x <x@y>\nVersion: 1\nDescription: x\n\n";
    fs::write(system.dpkg().join("status"), status).unwrap();
    fs::write(info.join("x.list"), "/.\n/usr/lib/a.ko\n/lib/b.ko\n").unwrap();
    let owner = |path: &str| owner_of(&system, &system.at(path));
    for path in ["lib/a.ko", "usr/lib/a.ko", "lib/b.ko", "usr/lib/b.ko"] {
        assert_eq!(owner(path).as_deref(), Some("x"), "{path}");
    }
    assert_eq!(owner("lib/c.ko"), None);
}

#[test]
fn what_apt_has_is_read_with_its_suite() {
    let table = " rustc | 1.96.1+dfsg1-2~bpo13+1 | http://x/debian trixie-backports/main amd64 \
                 Packages\n rustc | 1.85.1+dfsg1-2 | elsewhere\n";
    let offers: Vec<OfferedVersion<'_>> = offers_in(table).collect();
    assert_eq!(offers[0].version, "1.96.1+dfsg1-2~bpo13+1");
    assert_eq!(offers[0].suite, Some("trixie-backports"));
    assert_eq!(offers[1].suite, None);
    assert_eq!(offers_in("").count(), 0);
}

#[test]
fn a_simulation_says_which_version_would_be_installed() {
    let line = "Inst rustc [1.85.1+dfsg1-1] (1.96.1-2 Debian Backports:stable [amd64]) []";
    assert_eq!(installed_by(line, "rustc"), Some("1.96.1-2"));
    assert_eq!(
        installed_by("Inst rustc (1.96.1-2)", "rustc"),
        Some("1.96.1-2")
    );
    assert_eq!(installed_by(line, "rust"), None);
    assert_eq!(installed_by("Conf rustc (1.96.1-2)", "rustc"), None);
}

#[test]
fn a_debian_version_is_of_the_whole_upstream_version() {
    assert!(is_upstream("1.85.1+dfsg1-2", "1.85.1"));
    assert!(!is_upstream("1.85.10+dfsg1-1", "1.85.1"));
    assert!(!is_upstream("1.97.1-1", "1.85.1"));
}

#[test]
fn a_system_without_sources_can_install_nothing() {
    let root = tempfile::tempdir().unwrap();
    let system = System::below(root.path());
    assert_eq!(install(&system, &["rustc"]), None);
    assert_eq!(reinstall(&system, &["rustc"]), None);
    assert_eq!(install_version(&system, "rustc", &[], |_| true), None);
    assert_eq!(owner_of(&system, &system.at("usr/bin/rustc")), None);
}
