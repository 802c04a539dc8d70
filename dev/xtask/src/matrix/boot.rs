// SPDX-License-Identifier: GPL-2.0-only

//! Boots what was built. One guest runs per processor: each emulation is one thread.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;

use anyhow::Result;

use crate::guest::machine::Machine;
use crate::guest::serial::Report;
use crate::guest::{problems, small_guest};
use crate::host::project::Project;
use crate::host::{cargo, machine, ui};

use super::results::Row;

/// A built row that has yet to boot.
pub struct Job {
    /// Its index in the rows.
    pub row: usize,
    /// The kernel image.
    pub vmlinuz: PathBuf,
    /// The driver built for this kernel.
    pub module: Vec<u8>,
}

/// Boots all jobs, and records the results in the rows.
pub fn all(project: &Project, program: &Path, jobs: Vec<Job>, rows: &mut [Row]) {
    let (native, foreign): (Vec<Job>, Vec<Job>) =
        jobs.into_iter().partition(|job| !is_for_arm64(job));
    these(project, program, native, rows);
    if foreign.is_empty() {
        return;
    }
    match program_for_arm64(project) {
        Ok(program) => these(project, &program, foreign, rows),
        Err(error) => {
            for job in foreign {
                rows[job.row].failure = Some(format!("not booted: {error:#}"));
            }
        }
    }
}

fn is_for_arm64(job: &Job) -> bool {
    // A kernel that can't be read fails later, when it boots.
    Machine::of(&job.vmlinuz).is_ok_and(|machine| machine == Machine::Arm64)
}

fn program_for_arm64(project: &Project) -> Result<PathBuf> {
    machine::need(&[("qemu-system-aarch64", "qemu-system-arm")])?;
    ui::step("build the guest's program for arm64", || {
        cargo::static_program_for_arm64(project, "guest")
    })
}

fn these(project: &Project, program: &Path, jobs: Vec<Job>, rows: &mut [Row]) {
    let jobs = Mutex::new(jobs.into_iter());
    let rows = Mutex::new(rows);
    let next = || jobs.lock().ok()?.next();
    let worker = || {
        while let Some(job) = next() {
            let Ok(Some(mut row)) = rows.lock().map(|rows| rows.get(job.row).cloned()) else {
                return;
            };
            one(project, program, &job, &mut row);
            if let Ok(mut rows) = rows.lock() {
                rows[job.row] = row;
            }
        }
    };
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(worker);
        }
    });
}

fn one(project: &Project, program: &Path, job: &Job, row: &mut Row) {
    ui::say(&format!("boot {} ...", row.kernel));
    if let Err(error) = run(project, program, job, row) {
        row.failure = Some(format!("{error:#}"));
    }
    if let Some(failure) = &row.failure {
        ui::say(&format!("FAIL  {}: {failure}", row.kernel));
    }
}

fn run(project: &Project, program: &Path, job: &Job, row: &mut Row) -> Result<()> {
    let name = format!("matrix-{}-{}-guest", row.suite, row.kernel);
    let outcome = small_guest::run(
        project,
        &job.vmlinuz,
        program,
        &[(small_guest::DRIVER, &job.module)],
        "guest=behaviour",
        &name,
        &mut |_| {},
    )?;
    row.booted(&Report::read(&outcome.console).cases);
    let problems = problems::of(&outcome);
    // One cause often fails several cases. The log has them all.
    row.failure = match problems.as_slice() {
        [] => None,
        [only] => Some(only.clone()),
        [first, rest @ ..] => Some(format!("{first} (and {} more)", rest.len())),
    };
    ui::say(&format!(
        "{}: {} in {:.0} s",
        row.kernel,
        row.cases(),
        outcome.seconds
    ));
    Ok(())
}
