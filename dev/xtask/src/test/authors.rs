// SPDX-License-Identifier: GPL-2.0-only

//! Tests the output of `dkms-rust new` as a module's author uses it: build, package, install, load.
//! The cases are in `cases/authors.rs`.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::debian::chroot::Chroot;
use crate::debian::root::Root;
use crate::debian::setup::Setup;
use crate::debian::{layers, modules, warm};
use crate::guest::outcome::Outcome;
use crate::guest::small_guest;
use crate::host::{cargo, ui};
use crate::test::cases::authors::{DEBHELPER, PLAIN, PREFLIGHT, PURGE};
use crate::test::cases::driver_source::Case;

use super::tally::Tally;

/// Where the project is created.
const PLACE: &str = "/srv/author";

/// The name of the project and its module.
const NAME: &str = "hello";

/// Makes a project, and boots each kernel with its module.
pub fn run(setup: &Setup<'_>, caches: &[PathBuf], tally: &mut Tally) {
    tally.cases(
        "authors",
        "a module of one's own, from nothing to a package",
        |tally| {
            let chroot = open(setup, &setup.checks, caches)?;
            cases(setup, &chroot, "authors", PLAIN, tally);
            let program = cargo::static_program(setup.project, "guest")?;
            for release in &setup.releases {
                let booted = boot(setup, &chroot, release, &program);
                tally.guest(&format!("authors/{release}"), booted);
            }
            cases(setup, &chroot, "authors", PURGE, tally);
            Ok(())
        },
    );
}

/// Makes a project that debhelper packages, tests the package from installation to purge, and
/// builds it in other environments than as root for installed kernels.
pub fn long(setup: &Setup<'_>, caches: &[PathBuf], tally: &mut Tally) {
    const SUITE: &str = "authors-long";
    tally.cases(
        SUITE,
        "a package by debhelper, and builds elsewhere",
        |tally| {
            let root = layers::with_debhelper(setup.project, &setup.checks)?;
            let chroot = open(setup, &root, caches)?;
            chroot
                .cmd("apt-get")
                .args(["-q", "-y", "install", "dh-dkms-rust"])
                .log(&setup.project.log("authors")?)
                .run()?;
            cases(setup, &chroot, SUITE, DEBHELPER, tally);
            cases(setup, &chroot, SUITE, PURGE, tally);
            cases(setup, &chroot, SUITE, PREFLIGHT, tally);
            Ok(())
        },
    );
}

fn cases(setup: &Setup<'_>, chroot: &Chroot, suite: &str, cases: &[Case], tally: &mut Tally) {
    for case in cases {
        tally.case(&format!("{suite}/{}", case.name), || {
            one(setup, chroot, case)
        });
    }
}

fn open(setup: &Setup<'_>, root: &Root, caches: &[PathBuf]) -> Result<Chroot> {
    let log = setup.project.log("authors")?;
    let chroot = warm::root(setup.project, root, &setup.repo, caches, &log)?;
    chroot.sh(&format!("mkdir -p {PLACE}")).run()?;
    Ok(chroot)
}

fn one(setup: &Setup<'_>, chroot: &Chroot, case: &Case) -> Result<()> {
    let releases = setup.releases.join(" ");
    let line = format!(
        "cd {PLACE} && export RELEASES='{releases}' && {}",
        case.command
    );
    let log = setup.project.log("authors")?;
    let output = chroot.sh(&line).log(&log).run()?;
    case.judge(&output)
}

/// Boots with the module that is installed for the kernel.
fn boot(setup: &Setup<'_>, chroot: &Chroot, release: &str, program: &Path) -> Result<Outcome> {
    let asked = ["-k", release, "-F", "filename", NAME];
    let path = chroot.cmd("modinfo").args(asked).run()?.text;
    let path = chroot.path().join(path.trim().trim_start_matches('/'));
    let module = modules::decompressed(&path)?;
    let file = format!("{NAME}.ko");
    let what = format!("load it in a guest with {release}");
    ui::step(&what, || {
        small_guest::run(
            setup.project,
            &setup.checks.kernel(release)?,
            program,
            &[(&file, &module)],
            "guest=skeleton",
            &format!("guest-authors-{release}"),
            &mut |_| {},
        )
    })
}
