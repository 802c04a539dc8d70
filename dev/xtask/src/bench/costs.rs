// SPDX-License-Identifier: GPL-2.0-only

//! What the driver costs the machine that it is installed on, compared with modules in C: the build
//! by dkms, the size, `apt install`. Everything runs natively, in the root that the guests boot.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use object::{Object, ObjectSection, SectionKind};

use crate::debian::chroot::Chroot;
use crate::debian::setup::Setup;
use crate::debian::{layers, packaged};
use crate::host::run;
use crate::host::{mounts, ui};

use super::build::{Built, MODULES};
use super::results::{BEFORE, Part, Row, Value, YARDSTICK};
use super::trees::{earlier, next, trees};
use super::usage::{ROUNDS, build, in_dkms, median, one};

/// The driver's name in dkms.
const DRIVER: &str = "procdriver";

/// The peer that is a DKMS package: its name in the results and in dkms.
const PEER: (&str, &str) = ("plain", "peer/1");

/// Measures the costs. Measurements run one after another, because times are compared. `before` is
/// the apt repository of an earlier state.
pub fn run(setup: &Setup<'_>, built: &[Built], before: Option<&Path>) -> Result<Vec<Row>> {
    let first = built.first().context("no kernel to build for")?;
    let stable = built.last().context("no kernel to build for")?;
    let next = next(setup)?;
    let work = mounts::scratch_folder(setup.project)?;
    let layer = work.path().join("layer");
    let kernels = layers::with_kernels(setup.project, &setup.checks, "next", &[next])?;
    let root = packaged::unbuilt(setup.project, &kernels, &setup.repo, &layer)?;
    let now = Chroot::new(setup.project, &root)?;
    let before = before
        .map(|repo| earlier(setup, &kernels, repo))
        .transpose()?;
    let states: Vec<(&str, &Chroot)> = [("driver", &now)]
        .into_iter()
        .chain(before.as_ref().map(|chroot| (BEFORE, chroot)))
        .collect();

    let mut rows = ui::step("build trees of one kernel", || {
        trees(setup, &states, first, &[&first.release])
    })?;
    rows.extend(ui::step("build trees of two kernels", || {
        trees(setup, &states, stable, &[&stable.release, &next.release])
    })?);
    rows.extend(ui::step("dkms build", || by_dkms(setup, &now, first))?);
    rows.push(ui::step("apt install in a root with one kernel", || {
        apt_install(setup, first)
    })?);
    for built in built {
        rows.extend(sizes(built)?);
    }
    Ok(rows)
}

fn row(built: &Built, name: &str, unit: &str) -> Row {
    built.row(Part::Costs, name, unit)
}

/// Builds the driver with nothing in dkms-rust's cache, and then the peers and the driver with the
/// tree in the cache.
fn by_dkms(setup: &Setup<'_>, chroot: &Chroot, built: &Built) -> Result<Vec<Row>> {
    let place = chroot.path().join("usr/src/peer-1");
    run::copy_all(&setup.project.source.join("dev/peers"), &place)?;
    chroot.cmd("dkms").args(["add", PEER.1]).run()?;
    let (driver, yardstick) = (in_dkms(chroot, DRIVER)?, in_dkms(chroot, YARDSTICK)?);
    let modules = [
        ("driver", driver.as_str()),
        (YARDSTICK, yardstick.as_str()),
        (PEER.0, PEER.1),
    ];
    chroot.cmd("dkms-rust").arg("clean").run()?;
    let first = build(setup, chroot, &built.release, &driver)?;
    let mut cold = row(built, "dkms-build-cold", "s");
    cold.add("driver", one(first.seconds)?);
    let mut rounds = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        for ((_, module), rounds) in modules.iter().zip(&mut rounds) {
            rounds.push(build(setup, chroot, &built.release, module)?);
        }
    }
    let mut rows = [
        row(built, "dkms-build-warm", "s"),
        row(built, "dkms-build-warm-processor", "s"),
    ];
    let mut size = row(built, "module-as-installed", "bytes");
    for ((name, module), rounds) in modules.iter().zip(&rounds) {
        rows[0].add(name, median(rounds, |usage| usage.seconds)?);
        rows[1].add(name, median(rounds, |usage| usage.processor)?);
        size.add(name, kept_by_dkms(chroot, module, &built.release)?);
    }
    Ok([cold].into_iter().chain(rows).chain([size]).collect())
}

/// Returns the size of the file that dkms would install: signed, and compressed like the kernel's
/// own modules.
fn kept_by_dkms(chroot: &Chroot, module: &str, release: &str) -> Result<Value> {
    let place = chroot.path().join("var/lib/dkms").join(module);
    let place = place.join(release).join("x86_64/module");
    let files = fs::read_dir(&place).with_context(|| format!("cannot list {}", place.display()))?;
    // Module.symvers is in the same directory.
    let module = files
        .flatten()
        .find(|file| file.file_name().to_string_lossy().contains(".ko"))
        .with_context(|| format!("dkms left no module in {}", place.display()))?;
    one(module.metadata()?.len() as f64)
}

/// Returns the sizes of the modules built for the guests: unsigned, and without debug information.
fn sizes(built: &Built) -> Result<Vec<Row>> {
    let mut file = row(built, "module-file", "bytes");
    let mut code = row(built, "module-text", "bytes");
    for ((name, _), module) in MODULES.iter().zip(&built.modules) {
        file.add(name, one(module.len() as f64)?);
        code.add(name, one(text(module)? as f64)?);
    }
    Ok(vec![file, code])
}

/// Returns the size of a module's code in bytes.
fn text(module: &[u8]) -> Result<u64> {
    let file = object::File::parse(module).context("cannot read the module")?;
    let code = file.sections();
    let code = code.filter(|section| section.kind() == SectionKind::Text);
    Ok(code.map(|section| section.size()).sum())
}

/// Measures the time until apt is done: both packages unpacked, metadata rebuilt, module built,
/// signed and installed.
fn apt_install(setup: &Setup<'_>, built: &Built) -> Result<Row> {
    let chroot = packaged::with_repo(setup.project, &setup.base, &setup.repo)?;
    let log = setup.project.log("bench-apt")?;
    let output = chroot
        .cmd("apt-get")
        .args(["-q", "-y", "install", "procdriver-dkms"])
        .log(&log)
        .run()?;
    must_be_installed(chroot.path(), &built.release)?;
    let mut row = row(built, "apt-install", "s");
    row.add("driver", one(output.seconds)?);
    Ok(row)
}

fn must_be_installed(root: &Path, release: &str) -> Result<()> {
    let place = root
        .join("usr/lib/modules")
        .join(release)
        .join("updates/dkms");
    let mut files = fs::read_dir(&place)
        .with_context(|| format!("apt installed no module: cannot list {}", place.display()))?;
    files
        .next()
        .with_context(|| format!("apt installed no module: {} is empty", place.display()))??;
    Ok(())
}
