// SPDX-License-Identifier: GPL-2.0-only

//! Tests the driver, as built and signed by the package, on a machine with Secure Boot: it loads if
//! dkms's key is enrolled, otherwise it is rejected. Does the same with a prebuilt module and the
//! key of its builder.

use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context, Result, anyhow};

use crate::debian::layers;
use crate::debian::root::Root;
use crate::debian::setup::Setup;
use crate::guest::outcome::Outcome;
use crate::guest::{secure_boot, small_guest};
use crate::host::{cargo, ui};

use super::native::Built;
use super::prebuilt::Prebuilt;
use super::tally::Tally;

/// A suite of the `guest` program, and whether the key is enrolled.
const SUITES: [(&str, bool); 2] = [
    ("secure-boot-enrolled", true),
    ("secure-boot-absent", false),
];

/// Boots both machines in parallel, with the first kernel.
pub fn run(setup: &Setup<'_>, modules: &[Built], prebuilt: Option<&Prebuilt>, tally: &mut Tally) {
    let ready = prepare(setup, modules, prebuilt);
    let (program, root, drivers) = match ready {
        Ok(ready) => ready,
        Err(error) => return tally.fail("secure-boot", &format!("{error:#}")),
    };
    let outcomes = thread::scope(|scope| {
        let (program, root, drivers) = (&program, &root, &drivers);
        let guests = SUITES.map(|(suite, enrolled)| {
            scope.spawn(move || boot(setup, root, program, drivers, suite, enrolled))
        });
        guests.map(|guest| guest.join().unwrap_or_else(|_| Err(anyhow!("it panicked"))))
    });
    for ((suite, _), outcome) in SUITES.iter().zip(outcomes) {
        tally.guest(suite, outcome);
    }
}

/// What dkms built, and what was packed.
type Drivers<'a> = (&'a Built, &'a Prebuilt);

fn prepare<'a>(
    setup: &Setup<'_>,
    modules: &'a [Built],
    prebuilt: Option<&'a Prebuilt>,
) -> Result<(PathBuf, Root, Drivers<'a>)> {
    let driver = modules
        .iter()
        .find(|built| built.release == setup.base.release);
    let driver = driver.context("no module was built")?;
    let program = cargo::static_program(setup.project, "guest")?;
    let root = layers::with_secure_boot(setup.project, &setup.base)?;
    Ok((
        program,
        root,
        (driver, prebuilt.context("nothing was packed")?),
    ))
}

fn boot(
    setup: &Setup<'_>,
    root: &Root,
    program: &Path,
    (driver, prebuilt): &Drivers<'_>,
    suite: &str,
    enrolled: bool,
) -> Result<Outcome> {
    let name = format!("guest-{suite}");
    let kernel = setup.base.kernel(&driver.release)?;
    let modules = [
        (small_guest::DRIVER, &driver.module[..]),
        ("prebuilt.ko", &prebuilt.module),
        ("foreign.ko", &prebuilt.foreign),
    ];
    let words = format!("guest={suite}");
    let (vm, work) =
        small_guest::prepare(setup.project, &kernel, program, &modules, &words, &name)?;
    let keys: &[&[u8]] = match enrolled {
        true => &[&driver.certificate, &prebuilt.certificate],
        false => &[],
    };
    let vm = secure_boot::machine(setup.project, root, work.path(), vm, keys)?;
    let what = format!("boot {} with Secure Boot, {suite}", driver.release);
    ui::step(&what, || vm.run(&mut |_| {}))
}
