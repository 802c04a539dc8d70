// SPDX-License-Identifier: GPL-2.0-only

//! How the cases went: `target/life/results.json`, and the table in `docs/package-life.md`.

use std::fs;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::host::project::Project;
use crate::life::cases;
use crate::report::{document, markdown};

/// Where the table stands, and what writes it.
const PAGE: &str = "docs/package-life.md";
const BEGIN: &str = "<!-- begin of what `make life` writes -->\n";
const END: &str = "<!-- end of what `make life` writes -->\n";

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

/// Writes both: these rows, and of earlier runs those that this one did not do.
pub fn write(project: &Project, new: &[Row]) -> Result<()> {
    let path = project.product("life")?.join("results.json");
    let old: Vec<Row> = match fs::read_to_string(&path) {
        // A file of another version of this program is of no use.
        Ok(text) => serde_json::from_str(&text).unwrap_or_default(),
        Err(_) => Vec::new(),
    };
    let done = new.iter().filter(|row| row.to_boot == 0);
    let rows: Vec<&Row> = done.chain(&old).collect();
    let rows: Vec<Row> = cases::names()
        .filter_map(|(name, _)| rows.iter().copied().find(|row| row.name == name))
        .cloned()
        .collect();
    let text = serde_json::to_string_pretty(&rows).context("the results as JSON")?;
    fs::write(&path, text + "\n").with_context(|| format!("cannot write {}", path.display()))?;
    document::replace(&project.source.join(PAGE), BEGIN, END, &text_of(&rows))
}

fn text_of(rows: &[Row]) -> String {
    let mut days: Vec<&str> = rows.iter().map(|row| &*row.date).collect();
    days.sort_unstable();
    days.dedup();
    let table = markdown::table(
        ["case", "what happens", "steps, s", "boots, s"],
        rows.iter().map(cells),
    );
    let mut text = format!("Run on {}.\n\n{table}", days.join(" and "));
    let missing: Vec<&str> = cases::names()
        .map(|(name, _)| name)
        .filter(|name| !rows.iter().any(|row| row.name == *name))
        .collect();
    if !missing.is_empty() {
        text.push_str(&format!("\nNot run yet: {}.\n", missing.join(", ")));
    }
    text
}

fn cells(row: &Row) -> [String; 4] {
    let about = cases::names().find(|(name, _)| *name == row.name);
    let about = about.map_or("", |(_, about)| about);
    let boots: Vec<String> = row
        .boots
        .iter()
        .map(|(release, seconds)| format!("{release}: {seconds:.0}"))
        .collect();
    let case = cases::all().find(|case| case.name == row.name);
    let wanted = case.map_or(0, |case| {
        case.parts.iter().map(|part| part.boots.len()).sum()
    });
    let boots = match boots.is_empty() && wanted > 0 {
        true => "not booted".to_owned(),
        false => boots.join(", "),
    };
    // Why is in the results and in the logs, with the paths of the machine that it failed on.
    let failed = match row.failures.is_empty() {
        true => "",
        false => "**failed**: ",
    };
    [
        row.name.clone(),
        format!("{failed}{about}"),
        format!("{:.0}", row.seconds),
        boots,
    ]
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
        let text = text_of(&[row]);
        assert!(text.contains("| **failed**: "), "{text}");
        assert!(text.contains("| 12       | 7: 30    |"), "{text}");
        let last = names.last().unwrap();
        assert!(text.ends_with(&format!("{last}.\n")), "{text}");
    }
}
