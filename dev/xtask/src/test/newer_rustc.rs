// SPDX-License-Identifier: GPL-2.0-only

//! A rustc that is not the kernel's own: modules are linked, also for a kernel that has Rust, and do
//! what those do that the kernel's rustc built.

use anyhow::{Context, Result, ensure};

use crate::debian::chroot::Chroot;
use crate::debian::kernels::TESTED;
use crate::debian::mirror::Mirror;
use crate::debian::setup::Setup;
use crate::debian::{layers, packaged};
use crate::host::{cargo, files, ui};

use super::behaviour;
use super::native::Built;
use super::runtime;
use super::tally::Tally;

/// The name of the step.
pub const NAME: &str = "newer-rustc";

/// Where the driver's package is unpacked.
const DRIVER: &str = "/srv/driver";

/// How much more text the driver may have than with the suite's own rustc, in hundredths.
const MORE_TEXT: u64 = 150;

/// Builds with it for the first kernel, which has Rust; with all for each. `drivers` are what the
/// suite's own rustc built.
pub fn run(setup: &Setup<'_>, drivers: &[Built], all: bool, tally: &mut Tally) {
    let chroot = match ui::step(
        "prepare a root with a rustc that is not the kernels'",
        || open(setup),
    ) {
        Ok(Some(chroot)) => chroot,
        Ok(None) => return tally.skip(NAME, "no other suite is named to take a rustc from"),
        Err(error) => return tally.fail(&format!("{NAME}/open"), &format!("{error:#}")),
    };
    let releases = setup.releases.iter().take(if all { usize::MAX } else { 1 });
    for release in releases {
        if let Err(error) = kernel(setup, &chroot, release, drivers, tally) {
            tally.fail(&format!("{NAME}/{release}"), &format!("{error:#}"));
        }
    }
}

/// The root in which the kernels' rustc gave way to another.
pub fn open(setup: &Setup<'_>) -> Result<Option<Chroot>> {
    let Some(suite) = TESTED.rustc else {
        return Ok(None);
    };
    let (project, checks) = (setup.project, &setup.checks);
    let root = layers::with_rustc_of(project, checks, &Mirror::find()?, suite, NAME)?;
    let log = project.log(NAME)?;
    packaged::with_dkms_rust(project, &root, &setup.repo, &log).map(Some)
}

fn kernel(
    setup: &Setup<'_>,
    chroot: &Chroot,
    release: &str,
    drivers: &[Built],
    tally: &mut Tally,
) -> Result<()> {
    let suite = format!("{NAME}/{release}");
    tally.case(&format!("{suite}/check-says-linked"), || {
        let check = packaged::check(chroot, release)?;
        let way = check.way.as_deref();
        ensure!(way == Some("linked"), "it says {way:?}: {:?}", check.reason);
        Ok(())
    });
    let driver = ui::step(&format!("build the driver for {release} with it"), || {
        driver(setup, chroot, release)
    })?;
    tally.case(&format!("{suite}/driver-cannot-panic"), || {
        runtime::cannot_panic(&driver.module)
    });
    tally.case(&format!("{suite}/driver-has-little-more-text"), || {
        little_more_text(&driver, drivers)
    });
    tally.case(&format!("{suite}/modinfo-says-linked"), || {
        let line = format!("modinfo -F dkms_rust {DRIVER}/usr/src/*/procDriver.ko");
        let says = chroot.sh(&line).run()?.text;
        ensure!(
            says.starts_with("linked by rustc "),
            "modinfo says `{says}`"
        );
        Ok(())
    });
    let program = cargo::static_program(setup.project, "guest")?;
    let outcome = behaviour::boot(setup, &program, &driver, NAME, false);
    tally.guest(&format!("{suite}/behaviour"), outcome);
    let modules = runtime::build(setup, chroot, release)?;
    let name = format!("{NAME}-runtime");
    let outcome = runtime::boot(setup, release, &program, &modules, &name);
    tally.guest(&format!("{suite}/runtime"), outcome);
    Ok(())
}

/// Builds the packaged driver without dkms.
fn driver(setup: &Setup<'_>, chroot: &Chroot, release: &str) -> Result<Built> {
    let line = format!(
        "set -e; rm -rf {DRIVER}; mkdir {DRIVER}; \
         dpkg-deb -x {}/procdriver-dkms_*.deb {DRIVER}; cd {DRIVER}/usr/src/*; \
         dkms-rust make -k '{release}'; strip -g -o /srv/procDriver.ko procDriver.ko",
        packaged::REPO
    );
    chroot.sh(&line).log(&setup.project.log(NAME)?).run()?;
    let file = chroot.path().join("srv/procDriver.ko");
    Ok(Built {
        release: release.to_owned(),
        module: files::bytes(&file)?,
        certificate: Vec::new(),
    })
}

/// Beside what is linked by the suite's own rustc, which is that for the kernel without Rust.
fn little_more_text(driver: &Built, drivers: &[Built]) -> Result<()> {
    let linked = drivers
        .last()
        .context("no driver was built to compare with")?;
    let (ours, theirs) = (
        runtime::text_of(&driver.module)?,
        runtime::text_of(&linked.module)?,
    );
    ui::say(&format!(
        "  {ours} bytes of text for {}; linked by the suite's own rustc for {}: {theirs}",
        driver.release, linked.release
    ));
    ensure!(
        ours * 100 <= theirs * MORE_TEXT,
        "{ours} bytes, with the suite's own rustc {theirs}"
    );
    Ok(())
}
