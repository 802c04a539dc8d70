// SPDX-License-Identifier: GPL-2.0-only

//! Compares the man page, which is written by hand, with the command line.

use clap::Command;
use std::fs;
use std::path::Path;

/// Returns the page without roff's escapes, so that `\-\-json` is `--json`.
fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/dkms-rust.8");
    fs::read_to_string(path).unwrap().replace("\\-", "-")
}

/// Returns the part of the page that starts with a line, up to another line.
fn part<'a>(page: &'a str, start: &str, end: &str) -> &'a str {
    let (_, rest) = page.split_once(start).unwrap_or_default();
    rest.split_once(end).map_or(rest, |(part, _)| part)
}

/// What many commands have. Synopses leave it out, or have only the short form.
const COMMON: [&str; 4] = ["help", "kernel", "headers", "cache"];

/// Adds what the synopsis and the options lack of a command without commands of its own.
fn check(page: &str, command: &Command, start: &str, missing: &mut Vec<String>) {
    // There may be several.
    let synopses = page.split(start).skip(1);
    let synopses = synopses.filter_map(|rest| rest.split("\n.PP\n").next());
    let synopsis = synopses.collect::<String>();
    let options = part(page, "\n.SH OPTIONS\n", "\n.SH ");
    for option in command.get_arguments() {
        let Some(long) = option.get_long().filter(|long| *long != "help") else {
            continue;
        };
        let name = format!("--{long}");
        let short = option.get_short().map(|short| format!("-{short}"));
        let in_synopsis = COMMON.contains(&long)
            || synopsis.contains(&name)
            || short.is_some_and(|short| synopsis.contains(&short));
        if !in_synopsis || !options.contains(&name) {
            missing.push(format!("{start}: {name}"));
        }
    }
}

#[test]
fn every_command_and_option_is_in_the_man_page() {
    let page = page();
    let mut missing = Vec::new();
    for command in dkms_rust::cli::command().get_subcommands() {
        let name = command.get_name();
        assert!(
            page.contains(&format!(".TP\n.B {name}\n"))
                || page.contains(&format!(".TP\n.B {name} ")),
            "description of {name}"
        );
        let start = format!(".B dkms-rust {name}\n");
        if !command.has_subcommands() {
            check(&page, command, &start, &mut missing);
        }
        for below in command.get_subcommands() {
            let start = format!("{start}.B {}\n", below.get_name());
            check(&page, below, &start, &mut missing);
        }
    }
    assert_eq!(missing, [""; 0]);
}

#[test]
fn the_man_page_has_the_version() {
    let version = format!("\"procdriver {}\"", env!("CARGO_PKG_VERSION"));
    assert!(page().contains(&version));
}
