// SPDX-License-Identifier: GPL-2.0-only

//! `xtask matrix`: builds the packaged driver with dkms for every kernel in the table, and boots
//! each kernel with it. Builds run one after another, so that their times can be compared. Then the
//! guests boot, one per processor. May use `guest`, `report` and all rooms below them.

mod boot;
mod build;
mod extra;
mod pick;
mod results;
mod table;

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use tempfile::TempDir;

use crate::debian::kernel::Kernel;
use crate::debian::kernels::{DEBIANS, Debian};
use crate::debian::mirror::Mirror;
use crate::debian::root::Root;
use crate::debian::{archive, layers, packaged, provision, setup, together};
use crate::host::project::Project;
use crate::host::{cargo, date, mounts, ui};
use crate::package::{deb, repo};
use crate::report::results::Results;

use boot::Job;
use build::Built;
use extra::Extra;
use results::Row;

/// The layer with all kernels of a Debian.
const LAYER: &str = "matrix";

/// The state of a run.
struct Matrix<'a> {
    project: &'a Project,
    repo: PathBuf,
    /// The arguments that select the rows; all rows if empty.
    words: &'a [String],
    date: String,
    results: Results<'a>,
    rows: Vec<Row>,
    jobs: Vec<Job>,
    /// The kernels in the archive and the additional ones, selected or not.
    offered: Vec<Kernel>,
    /// Problems that belong to no row.
    problems: Vec<String>,
}

/// Runs the matrix, and writes it to the documentation if requested. Returns false if a row failed.
pub fn task(project: &Project, words: &[String], docs: bool) -> Result<bool> {
    setup::begin()?;
    let debs = deb::build(project)?;
    run(project, repo::build(project, &debs)?, words, docs)
}

/// Like [`task`], with the packages of this repository.
pub fn run(project: &Project, repo: PathBuf, words: &[String], docs: bool) -> Result<bool> {
    let program = ui::step("build the guest's program", || {
        cargo::static_program(project, "guest")
    })?;
    let mut matrix = Matrix {
        project,
        repo,
        words,
        date: date::today()?,
        results: Results {
            project,
            task: table::TASK,
            page: "docs/matrix",
            docs,
        },
        rows: Vec::new(),
        jobs: Vec::new(),
        offered: Vec::new(),
        problems: Vec::new(),
    };
    for debian in DEBIANS {
        if let Err(error) = matrix.debian(debian) {
            let problem = format!("{}: {error:#}", debian.suite);
            ui::say(&format!("FAIL  {problem}"));
            matrix.problems.push(problem);
        }
    }
    // A suite that could not be asked may have these kernels.
    let unknown = match matrix.problems.is_empty() {
        true => pick::unknown(&matrix.offered, words),
        false => Vec::new(),
    };
    if !unknown.is_empty() {
        let problem = format!(
            "no kernel is called {}; there are: {}",
            unknown.join(" or "),
            pick::names(&matrix.offered).join(" ")
        );
        ensure!(!matrix.rows.is_empty(), "{problem}");
        matrix.problems.push(problem);
    }
    let jobs = std::mem::take(&mut matrix.jobs);
    boot::all(project, &program, jobs, &mut matrix.rows);
    matrix.finish()
}

impl Matrix<'_> {
    /// Builds for the kernels of one Debian.
    fn debian(&mut self, debian: &Debian) -> Result<()> {
        let project = self.project;
        let mirror = Mirror::find()?;
        let offered = archive::kernels(project, &mirror, debian)?;
        let extra = Extra::all(debian, &offered)?;
        let all = offered.iter().chain(extra.iter().map(|row| &row.kernel));
        self.offered.extend(all.clone().cloned());
        if !all
            .clone()
            .any(|kernel| pick::is_picked(kernel, self.words))
        {
            return Ok(());
        }
        let base = provision::base_with(project, debian, &mirror, &offered)?;
        // Nobody installs kernels of two architectures together.
        let (foreign, native): (Vec<_>, Vec<_>) = offered
            .iter()
            .partition(|kernel| kernel.foreign().is_some());
        self.group(&base, LAYER, &native)?;
        self.group(&base, "foreign", &foreign)?;
        for extra in &extra {
            if pick::is_picked(&extra.kernel, self.words) {
                let with_kernels = layers::with_kernels(project, &base, LAYER, &native)?;
                let root = extra.root(project, &base, &with_kernels)?;
                self.each(&root, &[&extra.kernel])?;
            }
        }
        Ok(())
    }

    /// Builds for the selected kernels of a group that is installed together. `layer` is the name
    /// of the layer with the group.
    fn group(&mut self, base: &Root, layer: &str, kernels: &[&Kernel]) -> Result<()> {
        let project = self.project;
        let picked: Vec<&Kernel> = kernels
            .iter()
            .filter(|kernel| pick::is_picked(kernel, self.words))
            .copied()
            .collect();
        let Some(first) = picked.first() else {
            return Ok(());
        };
        // Install all of them, selected or not: another selection would need another root.
        let root = layers::with_kernels(project, base, layer, kernels)?;
        let (served, cache) = self.each(&root, &picked)?;
        // Only then is the cache filled for all kernels. Filling it would take a minute for each
        // kernel that was not selected.
        if picked.len() == kernels.len() && first.foreign().is_none() && !served.is_empty() {
            self.together(&root, &served, cache.path());
        }
        Ok(())
    }

    /// Builds for each of these kernels in a root. Returns those for which it succeeded, and a
    /// directory with what dkms-rust has kept for them.
    fn each<'k>(
        &mut self,
        root: &Root,
        kernels: &[&'k Kernel],
    ) -> Result<(Vec<&'k Kernel>, TempDir)> {
        let project = self.project;
        let work = mounts::scratch_folder(project)?;
        let installed = packaged::unbuilt(project, root, &self.repo, &work.path().join("layer"))?;
        let cache = mounts::scratch_folder(project)?;
        let mut served = Vec::new();
        for kernel in kernels {
            let what = format!("build for {} of {}", kernel.release, kernel.suite);
            let built = ui::step(&what, || {
                build::run(project, &installed, kernel, cache.path())
            });
            if self.take(kernel, root, built) {
                served.push(*kernel);
            }
        }
        Ok((served, cache))
    }

    /// Records the result of a build. Returns whether there is a module.
    fn take(&mut self, kernel: &Kernel, root: &Root, built: Result<Built>) -> bool {
        let mut row = Row::new(kernel, &self.date);
        let ready = built.and_then(|built| {
            row.built(&built);
            let module = built.module?;
            Ok((root.kernel(&kernel.release)?, module))
        });
        let ok = ready.is_ok();
        match ready {
            Ok((vmlinuz, module)) => self.jobs.push(Job {
                row: self.rows.len(),
                vmlinuz,
                module,
            }),
            Err(error) => {
                ui::say(&format!("FAIL  {}: {error:#}", kernel.release));
                row.failure = Some(format!("{error:#}"));
            }
        }
        self.rows.push(row);
        ok
    }

    /// Checks all kernels of a root at once, with apt installing the driver for them.
    fn together(&mut self, root: &Root, served: &[&Kernel], cache: &Path) {
        let releases: Vec<&str> = served.iter().map(|kernel| &*kernel.release).collect();
        let what = format!("apt install beside {}", releases.join(" "));
        let done = ui::step(&what, || {
            together::check(self.project, root, &self.repo, cache, &releases)
        });
        if let Err(error) = done {
            self.problems.push(format!("{what}: {error:#}"));
        }
    }

    fn finish(self) -> Result<bool> {
        let all = self.words.is_empty() && self.problems.is_empty();
        let arrange = |rows: &mut Vec<Row>| results::arrange(rows, &self.offered, all);
        println!("{}", self.results.keep(&self.rows, arrange)?.display());
        println!("{}", table::text(&self.rows));
        for problem in &self.problems {
            ui::say(&format!("failed: {problem}"));
        }
        self.results.document(&self.rows, arrange, |rows| {
            table::document(self.project, rows, &self.offered)
        })?;
        let good = self.rows.iter().filter(|row| row.is_good()).count();
        ui::say(&format!(
            "{good} of {} rows good in {:.0} s; logs are in {}",
            self.rows.len(),
            ui::elapsed().as_secs_f64(),
            self.project.target.join("logs").display()
        ));
        Ok(good == self.rows.len() && self.problems.is_empty())
    }
}
