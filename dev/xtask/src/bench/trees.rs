// SPDX-License-Identifier: GPL-2.0-only

//! Makes build trees with nothing in dkms-rust's cache, and then that of a second kernel, with
//! dkms-rust and with an earlier state of it. The module is not part of this: an earlier state may
//! make less for it than the whole tree.

use std::path::Path;

use anyhow::{Context, Result};

use crate::debian::chroot::Chroot;
use crate::debian::kernel::Kernel;
use crate::debian::kernels::TESTED;
use crate::debian::packaged;
use crate::debian::root::Root;
use crate::debian::setup::Setup;

use super::build::Built;
use super::results::{Part, Row};
use super::usage::{ROUNDS, Usage, median, one, tree};
use super::watch;

/// Neither state has its recommended packages in these roots, except linux-source.
const INSTALL_BEFORE: &str = "apt-get -q update && apt-get -q -y install procdriver-dkms";

/// The flavour that is built for after the stable suite's kernel.
const NEXT: &str = "cloud-amd64";

/// Measures: for which of the kernels, their names and units.
type Measure = (usize, &'static str, &'static str, fn(&Usage) -> f64);
const MEASURES: [Measure; 6] = [
    (0, "tree-cold", "s", |usage| usage.seconds),
    (0, "tree-cold-processor", "s", |usage| usage.processor),
    (0, "tree-cold-read", "bytes", |usage| usage.read),
    (0, "tree-cold-written", "bytes", |usage| usage.written),
    (1, "tree-next", "s", |usage| usage.seconds),
    (1, "tree-next-processor", "s", |usage| usage.processor),
];

/// The directory of dkms-rust's cache, whose size is measured.
const CACHE: &str = "/var/cache/dkms-rust";

/// Returns the kernel that follows the stable suite's, which has the same source and compilers.
pub fn next<'a>(setup: &'a Setup<'_>) -> Result<&'a Kernel> {
    let mut offered = setup.base.offered.iter();
    offered
        .find(|kernel| kernel.suite == TESTED.suite && kernel.flavour == NEXT)
        .with_context(|| format!("{} offers no kernel {NEXT}", TESTED.suite))
}

/// Installs an earlier state, while no kernel is visible. What it depends on comes from the archive.
pub fn earlier(setup: &Setup<'_>, root: &Root, repo: &Path) -> Result<Chroot> {
    let mut chroot = Chroot::new(setup.project, root)?;
    packaged::offer(&mut chroot, repo)?;
    let line = format!(
        "mv /usr/lib/modules /srv/modules && mkdir /usr/lib/modules && {INSTALL_BEFORE} && \
         rm -r /usr/lib/modules && mv /srv/modules /usr/lib/modules"
    );
    chroot
        .sh(&line)
        .log(&setup.project.log("bench-before")?)
        .run()?;
    Ok(chroot)
}

/// Makes the trees of one kernel after the other with nothing in the cache, by each state in turns.
pub fn trees(
    setup: &Setup<'_>,
    states: &[(&str, &Chroot)],
    built: &Built,
    kernels: &[&str],
) -> Result<Vec<Row>> {
    let clean = |chroot: &Chroot| chroot.cmd("dkms-rust").arg("clean").run();
    let tree = |chroot, kernel| tree(setup, chroot, kernel);
    let mut rounds: Vec<Vec<Vec<Usage>>> = Vec::new();
    rounds.resize_with(states.len(), || {
        kernels.iter().map(|_| Vec::new()).collect()
    });
    for _ in 0..ROUNDS {
        for ((_, chroot), rounds) in states.iter().zip(&mut rounds) {
            clean(chroot)?;
            for (kernel, rounds) in kernels.iter().zip(rounds) {
                rounds.push(tree(chroot, kernel)?);
            }
        }
    }
    let mut rows = Vec::new();
    for (place, name, unit, value) in MEASURES {
        let mut row = built.row(Part::Costs, name, unit);
        for ((state, _), rounds) in states.iter().zip(&rounds) {
            if let Some(rounds) = rounds.get(place) {
                row.add(state, median(rounds, value)?);
            }
        }
        rows.push(row);
    }
    rows.retain(|row| row.ours.is_some());

    let mut kept = built.row(Part::Costs, "trees-of-two-kernels", "bytes");
    let mut memory = built.row(Part::Costs, "tree-cold-memory", "bytes");
    for (state, chroot) in states {
        kept.add(state, one(cached(chroot)?)?);
        clean(chroot)?;
        // Sampling the memory takes time, so it is done in a round of its own.
        let (_, most) = watch::peak(|| tree(chroot, kernels[0]))?;
        memory.add(state, one(most as f64)?);
    }
    rows.push(memory);
    if kernels.len() == 2 {
        rows.push(kept);
    }
    Ok(rows)
}

/// Returns the size of dkms-rust's cache on the disk.
fn cached(chroot: &Chroot) -> Result<f64> {
    let said = chroot.cmd("du").args(["-s", "-B1", CACHE]).stdout()?;
    let size = said
        .split_whitespace()
        .next()
        .and_then(|size| size.parse().ok());
    size.with_context(|| format!("du said `{said}`"))
}
