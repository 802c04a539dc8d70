// SPDX-License-Identifier: GPL-2.0-only

//! `xtask test`: all tests, from unit tests to a Debian that boots. The last line counts them. May
//! use all other rooms.

mod authors;
mod bad_input;
mod behaviour;
pub mod cases;
pub mod choice;
mod confined;
mod debug;
mod driver_source;
mod elsewhere;
mod fleet;
mod foreign;
mod host_checks;
mod life;
mod native;
mod newer_rustc;
mod package_checks;
mod package_life;
mod prebuilt;
mod runtime;
mod samples;
mod secure_boot;
mod signing;
mod small_machine;
mod sources;
mod status;
mod tally;

use std::fs;
use std::path::PathBuf;
use std::thread;

use anyhow::{Context, Result, ensure};

use crate::debian::setup::{self, Setup};
use crate::guest::image;
use crate::host::cargo;
use crate::host::project::Project;
use crate::matrix;
use crate::package::{deb, repo};

use choice::Choice;
use native::Products;
use tally::Tally;

/// Runs the selected tests. Returns false if one failed.
pub fn task(project: &Project, choice: &Choice) -> Result<bool> {
    choice.check()?;
    setup::begin()?;
    empty_logs(project)?;
    let mut tally = Tally::default();
    // A failed preparation counts as a failed test, so that the last line is printed in any case.
    match prepare(project, choice, &mut tally) {
        Ok(setup) => run(&setup, choice, &mut tally),
        Err(error) => tally.fail("prepare", &format!("{error:#}")),
    }
    Ok(tally.finish(&project.target.join("logs")))
}

fn prepare<'a>(project: &'a Project, choice: &Choice, tally: &mut Tally) -> Result<Setup<'a>> {
    Setup::with(project, || {
        let debs = deb::build(project)?;
        if choice.wants("package") {
            tally.case("package/built-twice-is-the-same", || {
                built_twice(project, &debs)
            });
            if choice.all {
                tally.case("package/built-elsewhere-is-the-same", || {
                    elsewhere::the_same(project, &debs)
                });
            }
        }
        let repo = repo::build(project, &debs)?;
        if choice.wants("host") {
            host_checks::run(project, choice.all, tally);
        }
        Ok((debs, repo))
    })
}

/// Steps that build modules for the stock kernels, or install the packages.
const NEED_METADATA: [&str; 14] = [
    "native",
    "driver",
    "authors",
    "authors-long",
    "bad-input",
    "status",
    "behaviour",
    "runtime",
    "newer-rustc",
    "secure-boot",
    "samples",
    "foreign",
    "package-life",
    "life",
];

fn run(setup: &Setup<'_>, choice: &Choice, tally: &mut Tally) {
    if choice.wants("package") {
        package_checks::run(setup, tally);
        if choice.all {
            tally.case("package/built-by-debians-cargo-is-the-same", || {
                elsewhere::by_debians_cargo(setup)
            });
        }
    }
    let caches = &metadata(setup, choice, tally);
    let wants = |step| choice.wants(step) && !(caches.is_empty() && NEED_METADATA.contains(&step));
    thread::scope(|scope| {
        // Make the image while the chroot works: a guest at the end needs it.
        let system = wants("package-life")
            .then(|| scope.spawn(|| image::system(setup.project, &setup.base)));
        let Products { modules, prebuilt } = match wants("native") {
            true => native::run(setup, caches, tally),
            false => Products::default(),
        };
        // Run guests in parallel with builds in chroots: each guest is emulated by one thread, and
        // neither kind alone keeps two processors busy.
        let guests = scope.spawn(move || {
            let mut tally = Tally::default();
            if wants("behaviour") {
                behaviour::run(setup, &modules, choice.all, &mut tally);
            }
            if wants("runtime") {
                runtime::run(setup, caches, &modules, &mut tally);
            }
            if wants("newer-rustc") {
                newer_rustc::run(setup, &modules, choice.all, &mut tally);
            }
            if wants("secure-boot") {
                secure_boot::run(setup, &modules, prebuilt.as_ref(), &mut tally);
            }
            if wants("confined") {
                confined::run(setup, &mut tally);
                if choice.all {
                    confined::tampered_source(setup, &mut tally);
                }
            }
            if wants("samples") {
                samples::run(setup, caches, &mut tally);
            }
            if wants("foreign") {
                foreign::run(setup, &modules, &mut tally);
            }
            match system.map(|made| made.join()) {
                None => {}
                Some(Ok(Ok(_))) => {
                    package_life::run(setup, &caches[0], &mut tally);
                    signing::run(setup, &caches[0], prebuilt.as_ref(), &mut tally);
                }
                Some(Ok(Err(error))) => tally.fail("package-life/image", &format!("{error:#}")),
                Some(Err(_)) => tally.fail("package-life/image", "making the image panicked"),
            }
            if wants("fleet") {
                fleet::run(setup, prebuilt.as_ref(), &mut tally);
            }
            debug::run(setup, choice, &mut tally);
            tally
        });
        // Some of these need only the first kernel's cache.
        if wants("driver") {
            driver_source::run(setup, &caches[0], tally);
        }
        if wants("authors") {
            authors::run(setup, caches, tally);
        }
        if wants("authors-long") {
            authors::long(setup, caches, tally);
        }
        if wants("bad-input") {
            bad_input::run(setup, &caches[0], tally);
        }
        if wants("sources") {
            sources::run(setup, tally);
        }
        if wants("small-machine") {
            small_machine::run(setup, tally);
        }
        if wants("status") {
            status::run(setup, caches, tally);
        }
        if wants("life") {
            life::run(setup, caches, choice.all, tally);
        }
        if wants("matrix") {
            tally.case("matrix", || every_kernel(setup));
        }
        match guests.join() {
            Ok(of_guests) => tally.add(of_guests),
            Err(_) => tally.fail("guests", "running them panicked"),
        }
    });
}

/// Returns the caches of all kernels if a step needs them; nothing if they could not be made.
fn metadata(setup: &Setup<'_>, choice: &Choice, tally: &mut Tally) -> Vec<PathBuf> {
    let wanting = NEED_METADATA.iter().filter(|step| choice.wants(step));
    let wanting: Vec<_> = wanting.collect();
    if wanting.is_empty() {
        return Vec::new();
    }
    setup.caches().unwrap_or_else(|error| {
        tally.fail("native/metadata", &format!("{error:#}"));
        for step in wanting {
            tally.skip(step, "there is no metadata to build with");
        }
        Vec::new()
    })
}

fn every_kernel(setup: &Setup<'_>) -> Result<()> {
    let all_well = matrix::run(setup.project, setup.repo.clone(), &[], false)?;
    ensure!(
        all_well,
        "some kernel failed; target/matrix/results.json has the reasons"
    );
    Ok(())
}

/// Builds the packages again and compares. Moves the first ones away, because a build removes the
/// results of earlier ones.
fn built_twice(project: &Project, debs: &[PathBuf]) -> Result<()> {
    let aside = project.product("debian-before")?;
    let mut first = Vec::new();
    for deb in debs {
        let name = deb.file_name().context("a package without a name")?;
        let copy = aside.join(name);
        fs::rename(deb, &copy).with_context(|| format!("cannot move {}", deb.display()))?;
        first.push(copy);
    }
    // Recompile our own crate too. Dependencies are not ours to test.
    cargo::cargo(project)
        .args(["clean", "--release", "--package", "dkms-rust", "--target"])
        .arg(cargo::host_target()?)
        .run()?;
    let second = deb::build(project)?;
    deb::compare(&first, &second)
}

/// Removes the logs of an earlier run, which could be mistaken for those of this one.
fn empty_logs(project: &Project) -> Result<()> {
    let dir = project.product("logs")?;
    fs::remove_dir_all(&dir).with_context(|| format!("cannot empty {}", dir.display()))
}
