// SPDX-License-Identifier: GPL-2.0-only

//! The one version is in Cargo.toml. Files that other programs read must repeat it: dpkg, dkms,
//! kbuild and man know nothing of cargo. Here it is held against each of them.

use std::fs;
use std::path::Path;

const VERSION: &str = env!("CARGO_PKG_VERSION");

fn read(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    fs::read_to_string(&path).unwrap_or_else(|err| panic!("{}: {err}", path.display()))
}

/// What stands between `before` and `after`, at each place in `text` where `before` does.
fn between<'a>(text: &'a str, before: &str, after: char) -> Vec<&'a str> {
    text.split(before)
        .skip(1)
        .map(|rest| rest.split(after).next().unwrap_or_default())
        .collect()
}

#[test]
fn dkms_conf_has_the_version() {
    assert_eq!(
        between(&read("dkms.conf"), "\nPACKAGE_VERSION=\"", '"'),
        [VERSION]
    );
}

#[test]
fn the_newest_changelog_entry_has_the_version() {
    assert_eq!(
        between(&read("debian/changelog"), "procdriver (", ')')[0],
        VERSION
    );
}

#[test]
fn the_man_page_has_the_version() {
    assert_eq!(
        between(&read("docs/procDriver.4"), "\"procdriver ", '"'),
        [VERSION]
    );
}

#[test]
fn the_man_page_of_debhelper_s_program_has_the_version() {
    assert_eq!(
        between(&read("docs/dh_dkms_rust.1"), "\"procdriver ", '"'),
        [VERSION]
    );
}

#[test]
fn the_package_puts_the_source_where_dkms_looks_for_that_version() {
    let folders = between(&read("Cargo.toml"), "\"usr/src/procdriver-", '/')
        .into_iter()
        .map(str::to_owned)
        .collect::<Vec<_>>();
    assert!(!folders.is_empty());
    assert!(
        folders.iter().all(|folder| folder == VERSION),
        "{folders:?}"
    );
}

#[test]
fn the_driver_depends_on_the_tool_of_the_same_version() {
    assert_eq!(
        between(&read("Cargo.toml"), "dkms-rust (= ", ')'),
        [VERSION]
    );
    assert_eq!(
        between(&read("dkms-rust/Cargo.toml"), "dkms-rust-common (= ", ')'),
        [VERSION]
    );
}
