// SPDX-License-Identifier: GPL-2.0-only

//! The results of the cases: `target/life/results.json`, and the list in `docs/package-life.md`
//! with its rows in `docs/package-life.json`.

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::life::cases;
use crate::report::document;
use crate::report::results::{self, Results};

/// The page with the list, without its extension.
pub const PAGE: &str = "docs/package-life";
/// The task that owns this part of the page.
pub const TASK: &str = "life";

/// The result of a case.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Row {
    /// The case's name.
    pub name: String,
    /// How long its steps took, in seconds.
    pub seconds: f64,
    /// The kernels that booted, and how long each took.
    pub boots: Vec<(String, f64)>,
    /// The number of guests that have yet to boot.
    #[serde(skip)]
    pub to_boot: usize,
    /// Everything that went wrong.
    pub failures: Vec<String>,
    /// The date of the run.
    pub date: String,
}

impl results::Row for Row {
    fn replaces(&self, old: &Self) -> bool {
        self.name == old.name
    }
}

/// Stores the rows whose guests have all booted.
pub fn write(results: &Results<'_>, new: &[Row]) -> Result<()> {
    let done: Vec<Row> = new.iter().filter(|row| row.to_boot == 0).cloned().collect();
    results.keep(&done, arrange)?;
    results.document(&done, arrange, |rows| {
        let page = results.project.source.join(PAGE).with_extension("md");
        document::replace(&page, TASK, &text(rows))
    })
}

/// Sorts the rows in the order of the cases, and drops those of cases that no longer exist.
fn arrange(rows: &mut Vec<Row>) {
    let place = |row: &Row| cases::names().position(|(name, _)| name == row.name);
    rows.retain(|row| place(row).is_some());
    rows.sort_by_key(place);
}

/// Returns the list of cases, and names those that were not run.
fn text(rows: &[Row]) -> String {
    let missing: Vec<String> = cases::names()
        .map(|(name, _)| name.to_owned())
        .filter(|name| !rows.iter().any(|row| row.name == *name))
        .collect();
    document::dated(rows.iter().map(|row| &*row.date), &list(rows), &missing)
}

/// Returns a list with a line for each case. A table would have columns of very different widths.
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
        case.steps.iter().map(|step| step.boots.len()).sum()
    });
    let boots = match boots.is_empty() {
        true if wanted > 0 => "; not booted".to_owned(),
        true => String::new(),
        false => format!("; booted {}", boots.join(", ")),
    };
    // The reason is in the results and in the logs, with paths of the machine.
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
