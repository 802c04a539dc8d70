// SPDX-License-Identifier: GPL-2.0-only

//! `xtask bench`: the driver beside modules in C that do the same or a part of it (`peers/`), built
//! by the same compilers for the same kernels and measured in one run.

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

use crate::cases::kernels::TESTED;
use crate::project::Project;
use crate::root::Root;
use crate::run::Cmd;
use crate::{cargo, deb, demo, document, host, layers, mounts, provision, repo, test, ui, warm};

use build::Built;
pub use results::Part;
use results::Row;

/// The results that the repository has.
const COMMITTED: &str = "docs/benchmark.json";

/// What the tables stand between in docs.
const BEGIN: &str = "<!-- begin of what `make bench` writes -->\n";
const END: &str = "<!-- end of what `make bench` writes -->\n";

/// What the parts have in common.
struct Bench<'a> {
    project: &'a Project,
    /// The root with one kernel.
    base: Root,
    /// The root with all kernels that are measured, and the yardsticks.
    root: Root,
    /// Their releases, the first that of the kernel that most is measured on.
    releases: Vec<String>,
    repo: PathBuf,
    /// dkms-rust's cache, for each kernel.
    caches: Vec<PathBuf>,
    date: String,
}

/// Measures these parts, or all, and writes docs.
pub fn task(project: &Project, parts: &[Part]) -> Result<bool> {
    let bench = prepare(project)?;
    let ready = Ready::build(&bench)?;
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
    let bench = prepare(project)?;
    let new = Ready::build(&bench)?.measure(Part::Instructions)?;
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

fn prepare(project: &Project) -> Result<Bench<'_>> {
    host::need_amd64()?;
    mounts::private_namespace()?;
    host::need(&demo::needs())?;
    let repo = repo::build(project, &deb::build(project)?)?;
    let base = provision::base(project, TESTED)?;
    let others = test::others(&base);
    let kernels = layers::with_kernels(project, &base, "test", &others)?;
    let root = layers::with_checks(project, &kernels)?;
    let releases: Vec<String> = [&base.release]
        .into_iter()
        .chain(others.iter().map(|kernel| &kernel.release))
        .cloned()
        .collect();
    let caches: Result<_> = releases
        .iter()
        .map(|release| warm::cache(project, &root, release, &repo))
        .collect();
    let date = Cmd::new("date").args(["--utc", "+%F"]).stdout()?;
    Ok(Bench {
        project,
        base,
        root,
        releases,
        repo,
        caches: caches?,
        date: date.trim().to_owned(),
    })
}

/// What is measured, ready to run.
struct Ready<'a> {
    bench: &'a Bench<'a>,
    program: PathBuf,
    built: Vec<Built>,
}

impl<'a> Ready<'a> {
    fn build(bench: &'a Bench<'a>) -> Result<Self> {
        let program = ui::step("build the guest's program", || {
            cargo::static_program(bench.project, "guest")
        })?;
        let built = ui::step("build the driver and its peers", || build::all(bench))?;
        Ok(Self {
            bench,
            program,
            built,
        })
    }

    fn measure(&self, part: Part) -> Result<Vec<Row>> {
        match part {
            Part::Instructions => guest::instructions(self.bench, &self.program, &self.built),
            Part::Throughput => {
                let first = self.built.first().context("no kernel to measure on")?;
                guest::throughput(self.bench, &self.program, first)
            }
            Part::Costs => costs::run(self.bench, &self.built),
        }
    }
}
