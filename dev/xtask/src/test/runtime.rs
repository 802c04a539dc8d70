// SPDX-License-Identifier: GPL-2.0-only

//! Tests what dkms-rust offers to all Rust modules, on each kernel: modules that use much of the
//! `kernel` crate, and what the driver's code must or must not contain.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use object::{Object, ObjectSection, ObjectSymbol, SectionKind};

use crate::debian::chroot::Chroot;
use crate::debian::setup::Setup;
use crate::debian::warm;
use crate::guest::outcome::Outcome;
use crate::guest::small_guest;
use crate::host::files;
use crate::host::run;
use crate::host::{cargo, ui};

use super::native::Built;
use super::tally::Tally;

/// Where the modules are in the root.
const PLACE: &str = "/srv/modules";

/// The modules, with their directories below the test modules' directory.
const MODULES: [(&str, &str); 13] = [
    (".", "exercise.ko"),
    (".", "panics.ko"),
    ("own-helpers", "own_helpers.ko"),
    ("crates", "crates.ko"),
    ("exports", "exports_provider.ko"),
    ("exports", "exports_user.ko"),
    ("apart/provider", "apart_provider.ko"),
    ("apart/user", "apart_user.ko"),
    ("firmware", "firmware.ko"),
    ("glob", "glob.ko"),
    ("default", "default.ko"),
    ("outside/build", "outside.ko"),
    ("large", "large.ko"),
];

/// A module for kernels from this version on, with its directory.
const NEWER: (&str, &str) = ("formats", "formats.ko");
const NEWER_SINCE: (u32, u32) = (6, 18);

/// Arguments for make in one of the directories.
const ARGUMENTS: [(&str, &str); 1] = [(
    "apart/user",
    "-- KBUILD_EXTRA_SYMBOLS=../provider/Module.symvers",
)];

/// How much larger the driver's text may be on a kernel without Rust, in bytes.
const MORE_TEXT: u64 = 2048;

/// Parts of the names of functions that panic.
const PANICS: [&str; 3] = ["9panicking", "begin_unwind", "panic_"];

/// Builds the modules, boots each kernel with them, and checks the driver.
pub fn run(setup: &Setup<'_>, caches: &[PathBuf], drivers: &[Built], tally: &mut Tally) {
    let program = match cargo::static_program(setup.project, "guest") {
        Ok(program) => program,
        Err(error) => return tally.fail("runtime/program", &format!("{error:#}")),
    };
    let chroot = match ui::step(
        "prepare a root for modules that use the kernel crate",
        || open(setup, caches),
    ) {
        Ok(chroot) => chroot,
        Err(error) => return tally.fail("runtime/open", &format!("{error:#}")),
    };
    for release in &setup.releases {
        let suite = format!("runtime/{release}");
        let booted = build(setup, &chroot, release)
            .and_then(|modules| boot(setup, release, &program, &modules, "runtime"));
        tally.guest(&suite, booted);
    }
    for driver in drivers {
        let name = format!("runtime/{}/driver-cannot-panic", driver.release);
        tally.case(&name, || cannot_panic(&driver.module));
    }
    tally.case("runtime/driver-has-little-more-text-without-rust", || {
        little_more_text(drivers)
    });
}

/// Makes a chroot with dkms-rust and its filled caches.
pub fn open(setup: &Setup<'_>, caches: &[PathBuf]) -> Result<Chroot> {
    let log = setup.project.log("runtime")?;
    warm::root(setup.project, &setup.checks, &setup.repo, caches, &log)
}

/// Builds the modules in the root.
pub fn build(
    setup: &Setup<'_>,
    chroot: &Chroot,
    release: &str,
) -> Result<Vec<(&'static str, Vec<u8>)>> {
    let folder = format!("{PLACE}/{release}");
    chroot.sh(&format!("mkdir -p '{PLACE}'")).run()?;
    let place = chroot.path().join(folder.trim_start_matches('/'));
    run::copy_all(&setup.project.source.join(warm::TEST_MODULES), &place)?;
    let newer = series(release) >= NEWER_SINCE;
    let modules: Vec<_> = MODULES.into_iter().chain(newer.then_some(NEWER)).collect();
    let mut folders: Vec<&str> = modules.iter().map(|(folder, _)| *folder).collect();
    folders.dedup();
    let log = setup.project.log("runtime")?;
    for inside in folders {
        let arguments = ARGUMENTS.iter().find(|(of, _)| *of == inside);
        let arguments = arguments.map_or("", |(_, arguments)| arguments);
        let line = format!(
            "cd '{folder}/{inside}' && dkms-rust make -k '{release}' {arguments} && strip -g *.ko"
        );
        chroot.sh(&line).log(&log).run()?;
    }
    let read = |(folder, name): (&'static str, &'static str)| {
        let module = files::bytes(&place.join(folder).join(name));
        Ok((name, module?))
    };
    modules.into_iter().map(read).collect()
}

/// Returns the first two numbers of a release.
fn series(release: &str) -> (u32, u32) {
    let mut numbers = release.split('.').map(|number| number.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

/// Boots the suite that loads the modules. Its log is named after `name` and the release.
pub fn boot(
    setup: &Setup<'_>,
    release: &str,
    program: &Path,
    modules: &[(&str, Vec<u8>)],
    name: &str,
) -> Result<Outcome> {
    let name = format!("guest-{name}-{release}");
    let vmlinuz = setup.checks.kernel(release)?;
    let modules: Vec<_> = modules
        .iter()
        .map(|(name, bytes)| (*name, &bytes[..]))
        .collect();
    ui::step(
        &format!("use the kernel crate in a guest with {release}"),
        || {
            let words = "guest=runtime";
            small_guest::run(
                setup.project,
                &vmlinuz,
                program,
                &modules,
                words,
                &name,
                &mut |_| {},
            )
        },
    )
}

/// Fails if the module contains a function that panics, or calls one in the kernel.
pub fn cannot_panic(module: &[u8]) -> Result<()> {
    let file = object::File::parse(module).context("cannot read the module")?;
    let names: Vec<_> = file
        .symbols()
        .filter_map(|symbol| symbol.name().ok().map(str::to_owned))
        .filter(|name| PANICS.iter().any(|part| name.contains(part)))
        .collect();
    ensure!(names.is_empty(), "it has, or calls, {names:?}");
    Ok(())
}

fn little_more_text(drivers: &[Built]) -> Result<()> {
    let mut texts = Vec::new();
    for driver in drivers {
        let text = text_of(&driver.module)?;
        ui::say(&format!("  {}: {text} bytes of text", driver.release));
        texts.push(text);
    }
    // The first one is for the kernel with Rust.
    let [with, without @ ..] = &texts[..] else {
        bail!("no driver was built");
    };
    for without in without {
        ensure!(
            *without <= with + MORE_TEXT,
            "{without} bytes, with Rust in the kernel {with}"
        );
    }
    Ok(())
}

/// Returns the size of a module's text in bytes.
pub fn text_of(module: &[u8]) -> Result<u64> {
    let file = object::File::parse(module).context("cannot read the module")?;
    let text = file
        .sections()
        .filter(|section| section.kind() == SectionKind::Text);
    Ok(text.map(|section| section.size()).sum())
}
