// SPDX-License-Identifier: GPL-2.0-only

//! `xtask life`: tests the packages over their lifetime on a Debian system. The steps of a case run
//! natively in a root, and the result boots in QEMU. The first guests boot while later cases run
//! their steps. May use `guest`, `report` and all rooms below them.

pub mod cases;
mod dkms;
mod list;
mod look;
mod one;
mod packed;
mod running;
mod stock;

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use anyhow::{Result, bail};
use tempfile::TempDir;

use crate::debian::setup::Setup;
use crate::debian::signing;
use crate::host::project::Project;
use crate::host::{date, mounts, ui};
use crate::report::results::Results;
use cases::case::{Case, Start};

pub use list::Row;
use look::Look;
pub use running::run as running;
use stock::{STEPS, Stock};

/// The scripts of roots and guests, with their names.
pub const SCRIPTS: &[(&str, &str)] = &[
    ("steps", stock::STEPS_TEXT),
    ("look", look::SCRIPT.1),
    ("upgrades", running::SCRIPT),
];

/// How the cases are run.
#[derive(clap::Args, Default)]
pub struct Options {
    /// Run the steps but boot nothing; the list then says so
    #[arg(long)]
    no_boot: bool,
    /// Use the dkms of this source tree instead of Debian's, and leave out running-system
    #[arg(long, value_name = "FOLDER", conflicts_with = "docs")]
    dkms: Option<PathBuf>,
    /// Write the rows of this run into docs/package-life.*
    #[arg(long)]
    docs: bool,
}

/// Runs the cases whose names contain one of these words, or all, and writes the results to the
/// documentation if requested. Returns false if a case failed.
pub fn task(project: &Project, words: &[String], options: &Options) -> Result<bool> {
    let results = Results {
        project,
        task: list::TASK,
        page: list::PAGE,
        docs: options.docs,
    };
    let picked = |name: &str| words.is_empty() || words.iter().any(|word| name.contains(word));
    if !cases::names().any(|(name, _)| picked(name)) {
        let known: Vec<&str> = cases::names().map(|(name, _)| name).collect();
        bail!(
            "no case is called {}; there are: {}",
            words.join(" or "),
            known.join(" ")
        );
    }
    let setup = Setup::new(project)?;
    let caches = setup.caches()?;
    let cases: Vec<&Case> = cases::all().filter(|case| picked(case.name)).collect();
    // Store the rows after each case, in case the rest never finishes.
    let mut rows = run(&setup, &caches, &cases, options, &|rows| {
        if let Err(error) = list::write(&results, rows) {
            ui::say(&format!("the results cannot be written: {error:#}"));
        }
    })?;
    if !options.no_boot && options.dkms.is_none() && picked(cases::RUNNING) {
        rows.push(running::run(&setup, &caches)?);
        list::write(&results, &rows)?;
    }
    println!("{}", list::list(&rows));
    let good = rows.iter().filter(|row| row.failures.is_empty()).count();
    ui::say(&format!(
        "{good} of {} cases good in {:.0} s; logs are in {}",
        rows.len(),
        ui::elapsed().as_secs_f64(),
        project.target.join("logs").display()
    ));
    Ok(good == rows.len())
}

/// Runs these cases. Calls `on_done` with the rows so far whenever the steps of a case or a guest
/// have ended.
pub fn run(
    setup: &Setup<'_>,
    caches: &[PathBuf],
    cases: &[&'static Case],
    options: &Options,
    on_done: &(dyn Fn(&[Row]) + Sync),
) -> Result<Vec<Row>> {
    if cases.is_empty() {
        return Ok(Vec::new());
    }
    let project = setup.project;
    let dkms = options.dkms.as_deref();
    let dkms = dkms
        .map(|source| dkms::staged(project, source))
        .transpose()?;
    let mut stock = Stock::new(setup, caches, dkms.as_ref().map(TempDir::path))?;
    let work = mounts::scratch_folder(project)?;
    if cases.iter().any(|case| case.needs_packed()) {
        let keys = signing::keys(project, &setup.checks)?;
        ui::step("pack prebuilt modules", || {
            packed::add(&mut stock, &work.path().join("packed"), keys)
        })?;
    }
    let installed = work.path().join("installed");
    if cases.iter().any(|case| case.start == Start::Installed) {
        ui::step("install the packages", || install(&stock, &installed))?;
    }
    let date = date::today()?;
    let rows = Mutex::new(Vec::new());
    let (send, looks) = channel();
    let looks = Mutex::new(looks);
    thread::scope(|scope| {
        scope.spawn(|| boot(project, &looks, &rows, on_done));
        let (cases, without): (Vec<&Case>, Vec<&Case>) = cases
            .iter()
            .partition(|case| stock.before.is_some() || !case.needs_before());
        for case in without {
            ui::say(&format!(
                "SKIP  {}: the archive has no kernel before {}",
                case.name, stock.old.release
            ));
        }
        for (number, case) in cases.iter().enumerate() {
            ui::say(&format!("{} ...", case.name));
            let done = one::run(&stock, &installed, case, !options.no_boot);
            let failures: Vec<String> = done
                .failure
                .iter()
                .map(|error| format!("{error:#}"))
                .collect();
            for failure in &failures {
                ui::say(&format!("FAIL  {}: {failure}", case.name));
            }
            ui::say(&format!("{}: steps took {:.1} s", case.name, done.seconds));
            let row = Row {
                name: case.name.to_owned(),
                date: date.clone(),
                seconds: done.seconds,
                boots: Vec::new(),
                to_boot: done.looks.len(),
                failures,
            };
            push(&rows, row, on_done);
            for look in done.looks {
                // The receiver lives longer than this loop, so this cannot fail.
                let _ = send.send((number, look));
            }
        }
        drop(send);
        boot(project, &looks, &rows, on_done);
    });
    Ok(rows.into_inner().unwrap_or_default())
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Boots guests from the queue until it is closed.
fn boot(
    project: &Project,
    looks: &Mutex<Receiver<(usize, Look)>>,
    rows: &Mutex<Vec<Row>>,
    on_done: &dyn Fn(&[Row]),
) {
    loop {
        let next = lock(looks).recv();
        let Ok((number, look)) = next else { return };
        let Some(name) = lock(rows).get(number).map(|row| row.name.clone()) else {
            return;
        };
        let booted = look::boot(project, &look, &name);
        let mut rows = lock(rows);
        let Some(row) = rows.get_mut(number) else {
            return;
        };
        match booted {
            Ok(seconds) => {
                ui::say(&format!(
                    "{name}: {} booted in {seconds:.0} s",
                    look.release
                ));
                row.boots.push((look.release, seconds));
            }
            Err(error) => {
                let failure = format!("{error:#}");
                ui::say(&format!("FAIL  {name}: {failure}"));
                row.failures.push(failure);
            }
        }
        row.to_boot -= 1;
        on_done(&rows);
    }
}

fn push(rows: &Mutex<Vec<Row>>, row: Row, on_done: &dyn Fn(&[Row])) {
    let mut rows = lock(rows);
    rows.push(row);
    on_done(&rows);
}

/// Makes a layer with the packages installed over the older kernel's root.
fn install(stock: &Stock<'_>, layer: &Path) -> Result<()> {
    let chroot = stock.open(Start::Old)?;
    let line = format!(". {STEPS}; offer procdriver && warm $OLD && install procdriver-dkms");
    chroot
        .sh(&line)
        .log(&stock.project.log("life-stock")?)
        .run()?;
    chroot.keep(layer)
}
