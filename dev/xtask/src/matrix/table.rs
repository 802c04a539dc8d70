// SPDX-License-Identifier: GPL-2.0-only

//! The results as a table, for the terminal and for `docs/matrix.md`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::Result;

use crate::debian::kernel::Kernel;
use crate::host::project::Project;
use crate::report::{document, markdown};

use super::results::Row;

/// The task that owns this part of a page.
pub const TASK: &str = "matrix";

const HEAD: [&str; 11] = [
    "suite",
    "kernel",
    "class",
    "way",
    "rustc",
    "gcc",
    "cold, s",
    "warm, s",
    "kept, MiB",
    ".ko, bytes",
    "cases",
];

/// The head of the README's table.
const SHORT_HEAD: [&str; 5] = ["suite", "kernel", "flavours", "way", "tests"];

/// Returns the table, followed by what was skipped and what failed.
pub fn text(rows: &[Row]) -> String {
    markdown::table(HEAD, rows.iter().map(cells)) + &notes(rows)
}

fn cells(row: &Row) -> [String; 11] {
    let known = |value: &Option<String>| value.clone().unwrap_or_default();
    let seconds = |value: Option<f64>| value.map(|s| format!("{s:.1}")).unwrap_or_default();
    let cases = match (row.passed + row.failed + row.skipped, &row.failure) {
        (0, Some(_)) => "not run".to_owned(),
        _ => row.cases(),
    };
    let cases = if row.is_good() {
        cases
    } else {
        format!("**failed**: {cases}")
    };
    [
        row.suite.clone(),
        row.kernel.clone(),
        known(&row.class),
        known(&row.way),
        known(&row.rustc),
        known(&row.gcc),
        seconds(row.build_seconds_cold),
        seconds(row.build_seconds_warm),
        row.cache_mib.map(|mib| mib.to_string()).unwrap_or_default(),
        row.ko_bytes
            .map(|bytes| bytes.to_string())
            .unwrap_or_default(),
        cases,
    ]
}

/// Returns notes on skips and failures. A note that several kernels share appears once.
fn notes(rows: &[Row]) -> String {
    let mut notes: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for row in rows {
        let skips = row.skips.iter().map(|skip| format!("skipped: {skip}"));
        let failure = row.failure.iter().filter_map(|text| text.lines().next());
        for note in skips.chain(failure.map(|line| format!("failed: {line}"))) {
            notes.entry(note).or_default().push(&row.kernel);
        }
    }
    let mut text = String::new();
    for (note, kernels) in notes {
        let _ = write!(text, "\n- {}: {note}", kernels.join(", "));
    }
    if !text.is_empty() {
        text = format!("{text}\n");
    }
    text
}

/// Writes the table to the documentation, with the names of kernels that were never run, and a
/// shorter one for users to the README.
pub fn document(project: &Project, rows: &[Row], offered: &[Kernel]) -> Result<()> {
    for (page, text) in pages(rows, offered) {
        document::replace(&project.source.join(page), TASK, &text)?;
    }
    Ok(())
}

fn pages(rows: &[Row], offered: &[Kernel]) -> [(&'static str, String); 2] {
    let short = markdown::table(SHORT_HEAD, short(rows));
    [
        ("docs/matrix.md", dated(rows, offered, &text(rows))),
        ("README.md", dated(rows, offered, &short)),
    ]
}

/// Returns the README's rows: one for all flavours of a kernel that went alike.
fn short(rows: &[Row]) -> Vec<[String; 5]> {
    let mut short: Vec<[String; 5]> = Vec::new();
    for row in rows {
        let (version, flavour) = row.kernel.split_once('-').unwrap_or((&row.kernel, ""));
        let way = row.way.clone().unwrap_or_default();
        let tests = if row.is_good() {
            "passed"
        } else {
            "**failed**"
        };
        let [suite, version, tests] = [&row.suite, version, tests].map(str::to_owned);
        let alike = |other: &&mut [String; 5]| {
            other[0] == suite && other[1] == version && other[3] == way && other[4] == tests
        };
        match short.iter_mut().find(alike) {
            Some([_, _, flavours, _, _]) => *flavours = format!("{flavours}, {flavour}"),
            None => short.push([suite, version, flavour.to_owned(), way, tests]),
        }
    }
    short
}

fn dated(rows: &[Row], offered: &[Kernel], table: &str) -> String {
    let missing: Vec<String> = offered
        .iter()
        .filter(|kernel| !rows.iter().any(|row| row.is_of(kernel)))
        .map(|kernel| format!("{} of {}", kernel.release, kernel.suite))
        .collect();
    document::dated(rows.iter().map(|row| &*row.date), table, &missing)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn row(release: &str) -> Row {
        let kernel = Kernel {
            suite: "trixie".into(),
            series: "6.12".into(),
            flavour: "amd64".into(),
            version: "1".into(),
            release: release.into(),
            before: None,
        };
        Row::new(&kernel, "2026-01-01")
    }

    #[test]
    fn a_failed_row_says_why_and_what_rows_share_is_said_once() {
        let mut rows = ["a", "b"].map(row);
        for row in &mut rows {
            row.failure = Some("no rustc\nmend: x".into());
        }
        let text = text(&rows);
        assert!(text.contains("**failed**: not run"), "{text}");
        assert!(text.ends_with("\n- a, b: failed: no rustc\n"), "{text}");
    }

    #[test]
    fn every_line_of_the_table_has_all_columns() {
        let text = text(&[row("a")]);
        for line in text.lines() {
            assert_eq!(line.matches('|').count(), HEAD.len() + 1, "{line}");
        }
    }

    #[test]
    fn the_readme_has_one_row_for_flavours_that_went_alike() {
        let mut rows = ["6.12.1+deb13-amd64", "6.12.1+deb13-rt-amd64"].map(row);
        let short = |rows: &[Row]| {
            short(rows)
                .into_iter()
                .map(|row| row[2].clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(short(&rows), ["amd64, rt-amd64"]);
        rows[0].passed = 1;
        assert_eq!(short(&rows), ["amd64", "rt-amd64"]);
    }

    #[test]
    fn a_kernel_that_was_not_run_is_named() {
        let kernel = |release: &str| Kernel {
            suite: "sid".into(),
            series: "7.2".into(),
            flavour: release.into(),
            version: "1".into(),
            release: release.into(),
            before: None,
        };
        let rows = [Row::new(&kernel("a"), "2026-01-01")];
        let text = dated(&rows, &[kernel("a"), kernel("b")], "");
        assert!(text.ends_with("\nNot run yet: b of sid.\n"), "{text}");
        assert!(!dated(&rows, &[kernel("a")], "").contains("Not run"));
    }

    #[test]
    fn the_pages_have_what_their_results_say() {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let read = |page| std::fs::read_to_string(source.join(page)).unwrap();
        let rows: Vec<Row> = serde_json::from_str(&read("docs/matrix.json")).unwrap();
        for (page, text) in pages(&rows, &[]) {
            assert!(read(page).contains(&text), "{page}: {text}");
        }
    }
}
