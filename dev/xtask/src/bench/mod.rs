// SPDX-License-Identifier: GPL-2.0-only

//! `xtask bench`: the driver beside modules in C that do the same or a part of it (`peers/`), built
//! by the same compilers for the same kernels and measured in one run. May use `guest`, `report` and what is below
//! them.

mod build;
mod check;
mod costs;
mod goals;
mod guest;
mod plot;
mod results;
mod table;
mod watch;

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::ValueEnum;

use crate::debian::setup::Setup;
use crate::host::project::Project;
use crate::host::{cargo, ui};
use crate::report::document;

use build::Built;
pub use results::Part;
use results::Row;

/// The results that the repository has.
const COMMITTED: &str = "docs/benchmark.json";

/// What the tables stand between in docs.
const BEGIN: &str = "<!-- begin of what `make bench` writes -->\n";
const END: &str = "<!-- end of what `make bench` writes -->\n";

/// Measures these parts, or all, and writes docs.
pub fn task(project: &Project, parts: &[Part]) -> Result<bool> {
    let setup = Setup::new(project)?;
    let ready = Ready::build(&setup)?;
    let path = project.product("bench")?.join("results.json");
    let mut rows = match parts {
        [] => Vec::new(),
        _ => results::read(&path)?,
    };
    let all = Part::value_variants().iter();
    for part in all.filter(|part| parts.is_empty() || parts.contains(part)) {
        rows = results::merge(rows, &ready.measure(*part)?);
        // What the next part may meet is no reason to lose this one.
        results::write(&path, &rows)?;
    }
    println!("{}", path.display());
    let text = table::text(&rows);
    println!("{text}");
    results::write(&project.source.join(COMMITTED), &rows)?;
    plot::write(&project.source.join("docs/benchmark.svg"), &rows)?;
    document::replace(&project.source.join("docs/benchmark.md"), BEGIN, END, &text)?;
    Ok(true)
}

/// Counts instructions again, and compares them with the results in docs; false when one moved.
pub fn check(project: &Project) -> Result<bool> {
    let path = project.source.join(COMMITTED);
    let old = results::read(&path)?;
    let setup = Setup::new(project)?;
    let new = Ready::build(&setup)?.measure(Part::Instructions)?;
    println!("{}", table::text(&new));
    let moved = check::moved(&old, &new);
    for line in &moved {
        ui::say(line);
    }
    ui::say(&format!(
        "{} moved by more than 2 % since {}",
        moved.len(),
        path.display()
    ));
    Ok(moved.is_empty())
}

/// What is measured, ready to run.
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

    fn measure(&self, part: Part) -> Result<Vec<Row>> {
        match part {
            Part::Instructions => guest::instructions(self.setup, &self.program, &self.built),
            Part::Throughput => {
                let first = self.built.first().context("no kernel to measure on")?;
                guest::throughput(self.setup, &self.program, first)
            }
            Part::Costs => costs::run(self.setup, &self.built),
        }
    }
}
