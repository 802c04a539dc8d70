// SPDX-License-Identifier: GPL-2.0-only

//! `xtask bench`: compares the driver with C modules that do the same or a part of it
//! (`dev/peers`). They are built by the same compilers for the same kernels, and measured in one
//! run. May use `guest`, `report` and all rooms below them.

mod apt;
mod build;
mod check;
mod costs;
mod goals;
mod guest;
mod plot;
mod results;
mod table;
mod trees;
mod usage;
mod watch;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::ValueEnum;

use crate::debian::setup::Setup;
use crate::host::project::Project;
use crate::host::{cargo, ui};
use crate::report::document;
use crate::report::results::{Results, Row as _};

use build::Built;
pub use results::Part;
use results::Row;

/// The task that owns the tables' part of the page.
const TASK: &str = "bench";

fn results(project: &Project, docs: bool) -> Results<'_> {
    Results {
        project,
        task: TASK,
        page: "docs/benchmark",
        docs,
    }
}

/// Measures these parts, or all, and writes the results to the documentation if requested. `before`
/// is the apt repository of an earlier state, to compare with.
pub fn task(project: &Project, parts: &[Part], docs: bool, before: Option<&Path>) -> Result<bool> {
    let results = results(project, docs);
    let setup = Setup::new(project)?;
    let ready = Ready::build(&setup)?;
    let mut new = Vec::new();
    let all = Part::value_variants().iter();
    for part in all.filter(|part| parts.is_empty() || parts.contains(part)) {
        new.extend(ready.measure(*part, before)?);
        // Store the results now: a failure in the next part must not lose them.
        let path = results.keep(&new, |rows| arrange(rows, &new, false))?;
        println!("{}", path.display());
    }
    println!("{}", table::text(&new));
    let arrange = |rows: &mut Vec<Row>| arrange(rows, &new, parts.is_empty());
    results.document(&new, arrange, |rows| document(project, rows))?;
    Ok(true)
}

/// Sorts the rows by part, new ones first. If all parts were measured, drops the other rows as
/// outdated.
fn arrange(rows: &mut Vec<Row>, new: &[Row], all: bool) {
    let is_new = |row: &Row| new.iter().any(|new| new.replaces(row));
    rows.retain(|row| !all || is_new(row));
    rows.sort_by_key(|row| (row.part, !is_new(row)));
}

fn document(project: &Project, rows: &[Row]) -> Result<()> {
    plot::calls(&project.source.join("docs/benchmark.svg"), rows)?;
    plot::costs(&project.source.join("docs/costs.svg"), rows)?;
    let page = project.source.join("docs/benchmark.md");
    document::replace(&page, TASK, &table::text(rows))
}

/// Counts instructions again, and compares them with the results in docs. Returns false if one
/// changed.
pub fn check(project: &Project) -> Result<bool> {
    let results = results(project, false);
    let old = results.documented()?;
    let setup = Setup::new(project)?;
    let new = Ready::build(&setup)?.measure(Part::Instructions, None)?;
    println!("{}", table::text(&new));
    let moved = check::moved(&old, &new);
    for line in &moved {
        ui::say(line);
    }
    ui::say(&format!(
        "{} moved by more than 2 % since {}",
        moved.len(),
        results.documentation().display()
    ));
    Ok(moved.is_empty())
}

/// Everything to measure, ready to run.
struct Ready<'a> {
    setup: &'a Setup<'a>,
    program: PathBuf,
    built: Vec<Built>,
}

impl<'a> Ready<'a> {
    fn build(setup: &'a Setup<'a>) -> Result<Self> {
        let caches = setup.caches()?;
        let program = ui::step("build the guest's program", || {
            cargo::static_program(setup.project, "guest")
        })?;
        let built = ui::step("build the driver and its peers", || {
            build::all(setup, &caches)
        })?;
        Ok(Self {
            setup,
            program,
            built,
        })
    }

    fn measure(&self, part: Part, before: Option<&Path>) -> Result<Vec<Row>> {
        match part {
            Part::Instructions => guest::instructions(self.setup, &self.program, &self.built),
            Part::Throughput => {
                let first = self.built.first().context("no kernel to measure on")?;
                guest::throughput(self.setup, &self.program, first)
            }
            Part::Costs => costs::run(self.setup, &self.built, before),
            // Use the kernel of Debian's stable suite, which most machines have.
            Part::Apt => {
                let stable = self.built.last().context("no kernel to ask for")?;
                apt::run(self.setup, stable, before)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::results::tests::row;
    use super::*;

    #[test]
    fn measures_that_were_not_taken_again_stay_until_all_are() {
        let new = [row("b", "7", 2.0)];
        let names = |all| {
            let mut rows = vec![row("a", "7", 1.0), row("b", "7", 2.0), row("b", "6", 1.0)];
            rows[0].part = Part::Throughput;
            arrange(&mut rows, &new, all);
            let names: Vec<_> = rows
                .iter()
                .map(|row| format!("{}-{}", row.name, row.kernel))
                .collect();
            names.join(" ")
        };
        assert_eq!(names(false), "b-7 b-6 a-7");
        assert_eq!(names(true), "b-7");
    }

    #[test]
    fn the_page_has_what_its_results_say() {
        let source = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
        let read = |page| std::fs::read_to_string(source.join(page)).unwrap();
        let rows: Vec<Row> = serde_json::from_str(&read("docs/benchmark.json")).unwrap();
        assert!(read("docs/benchmark.md").contains(&table::text(&rows)));
    }
}
