// SPDX-License-Identifier: GPL-2.0-only

//! Tests a rustc that did not build the kernel. Modules are then linked, even for a kernel with
//! Rust. They must behave like those that the kernel's rustc built.

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

/// The limit for the size of the driver's text, in percent of its size with the suite's own rustc.
const MORE_TEXT: u64 = 150;

/// Builds with that rustc for the first kernel, which has Rust; with `all`, for each kernel.
/// `drivers` were built by the suite's own rustc.
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

/// Makes a chroot in which another rustc replaces the kernels' own.
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

/// Compares with the driver that the suite's own rustc linked: the last one, which is for the
/// kernel without Rust.
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
