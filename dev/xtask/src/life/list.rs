// SPDX-License-Identifier: GPL-2.0-only

//! How the cases went: `target/life/results.json`, and the list in `docs/package-life.md` with its
//! rows in `docs/package-life.json`.

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::life::cases;
use crate::report::document;
use crate::report::results::{self, Results};

/// Where the list is, without the extension.
pub const PAGE: &str = "docs/package-life";
/// Whose part of the page it is.
pub const TASK: &str = "life";

/// How a case went.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Row {
    /// The case's name.
    pub name: String,
    /// How long its steps took.
    pub seconds: f64,
    /// The kernels that booted, each with how long that took.
    pub boots: Vec<(String, f64)>,
    /// How many guests are still to boot.
    #[serde(skip)]
    pub to_boot: usize,
    /// What went wrong.
    pub failures: Vec<String>,
    /// The day.
    pub date: String,
}

impl results::Row for Row {
    fn replaces(&self, old: &Self) -> bool {
        self.name == old.name
    }
}

/// Keeps the rows whose guests have all booted.
pub fn write(results: &Results<'_>, new: &[Row]) -> Result<()> {
    let done: Vec<Row> = new.iter().filter(|row| row.to_boot == 0).cloned().collect();
    results.keep(&done, arrange)?;
    results.document(&done, arrange, |rows| {
        let page = results.project.source.join(PAGE).with_extension("md");
        document::replace(&page, TASK, &text(rows))
    })
}

/// Puts the rows in the order of the cases; those of cases that are gone go.
fn arrange(rows: &mut Vec<Row>) {
    let place = |row: &Row| cases::names().position(|(name, _)| name == row.name);
    rows.retain(|row| place(row).is_some());
    rows.sort_by_key(place);
}

/// The cases, and which were not run.
fn text(rows: &[Row]) -> String {
    let missing: Vec<String> = cases::names()
        .map(|(name, _)| name.to_owned())
        .filter(|name| !rows.iter().any(|row| row.name == *name))
        .collect();
    document::dated(rows.iter().map(|row| &*row.date), &list(rows), &missing)
}

/// The cases alone, each in a line: a table would have columns of a word and of a paragraph.
pub fn list(rows: &[Row]) -> String {
    rows.iter().map(line).collect()
}

fn line(row: &Row) -> String {
    let about = cases::names().find(|(name, _)| *name == row.name);
    let about = about.map_or("", |(_, about)| about);
    let boots: Vec<String> = row
        .boots
        .iter()
        .map(|(release, seconds)| format!("{release} in {seconds:.0} s"))
        .collect();
    let case = cases::all().find(|case| case.name == row.name);
    let wanted = case.map_or(0, |case| {
        case.parts.iter().map(|part| part.boots.len()).sum()
    });
    let boots = match boots.is_empty() {
        true if wanted > 0 => "; not booted".to_owned(),
        true => String::new(),
        false => format!("; booted {}", boots.join(", ")),
    };
    // Why is in the results and in the logs, with the paths of the machine that it failed on.
    let failed = match row.failures.is_empty() {
        true => "",
        false => "**failed**: ",
    };
    let Row { name, seconds, .. } = row;
    format!("- **{name}**: {failed}{about} ({seconds:.0} s{boots})\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_that_failed_says_so_and_one_that_was_not_run_is_named() {
        let mut names = cases::names().map(|(name, _)| name.to_owned());
        let row = Row {
            name: names.next().unwrap(),
            seconds: 12.3,
            boots: vec![("7".into(), 30.4)],
            to_boot: 0,
            failures: vec!["no entry".into()],
            date: "2026-01-01".into(),
        };
        let text = super::text(&[row]);
        assert!(text.contains("**: **failed**: "), "{text}");
        assert!(text.contains(" (12 s; booted 7 in 30 s)\n"), "{text}");
        let last = names.last().unwrap();
        assert!(text.ends_with(&format!("{last}.\n")), "{text}");
    }
}
