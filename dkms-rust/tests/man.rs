// SPDX-License-Identifier: GPL-2.0-only

//! Compares the man page, which is written by hand, with the command line.

use std::fs;
use std::path::Path;

/// Returns the page without roff's escapes, so that `\-\-json` is `--json`.
fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/dkms-rust.8");
    fs::read_to_string(path).unwrap().replace("\\-", "-")
}

#[test]
fn every_command_and_option_is_in_the_man_page() {
    let page = page();
    for command in dkms_rust::cli::command().get_subcommands() {
        let name = command.get_name();
        assert!(
            page.contains(&format!(".B dkms-rust {name}\n")),
            "synopsis of {name}"
        );
        assert!(
            page.contains(&format!(".TP\n.B {name}\n")),
            "description of {name}"
        );
        for option in command.get_opts().chain(command.get_arguments()) {
            if let Some(long) = option.get_long() {
                assert!(page.contains(&format!("--{long}")), "{name} --{long}");
            }
        }
    }
}

#[test]
fn the_man_page_has_the_version() {
    let version = format!("\"procdriver {}\"", env!("CARGO_PKG_VERSION"));
    assert!(page().contains(&version));
}
