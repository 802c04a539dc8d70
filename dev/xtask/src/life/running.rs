// SPDX-License-Identifier: GPL-2.0-only

//! What needs a system that is up all the while: the module is loaded, its file is open, and apt
//! does its work meanwhile. The builds are emulated too, so it takes its time.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::cases::package_life::RUNNING;
use crate::full_guest::{self, Payload};
use crate::{demo, ui, versions};

use super::{Bench, Row, today};

/// What the guest runs.
pub const SCRIPT: &str = concat!(
    include_str!("../guest/begin.sh"),
    include_str!("../guest/upgrades.sh")
);

/// Four builds of three minutes each, on a machine that may have other work.
const TIMEOUT: Duration = Duration::from_secs(3600);

/// Boots it, and waits for its end.
pub fn run(bench: &Bench<'_>) -> Result<Row> {
    let project = bench.project;
    let others = versions::repositories(project, bench.debs)?;
    let more: Vec<(&str, &Path)> = others.iter().map(|(name, dir)| (*name, &**dir)).collect();
    let (_, warm) = bench
        .warm
        .iter()
        .find(|(release, _)| *release == bench.base.release)
        .with_context(|| format!("no filled cache for {}", bench.base.release))?;
    let payload = Payload {
        script: SCRIPT,
        repo: bench.repo,
        more: &more,
        warm,
        timeout: TIMEOUT,
        words: "",
        files: &[],
    };
    let name = format!("life-{RUNNING}");
    let outcome = full_guest::run(project, bench.base, &payload, &name, &mut |line| {
        if let Some(case) = line.strip_prefix("CASE ") {
            ui::say(&format!("  {case}"));
        }
    })?;
    let failures = demo::problems(&outcome, &project.log(&name)?);
    for failure in &failures {
        ui::say(&format!("FAIL  {RUNNING}: {failure}"));
    }
    Ok(Row {
        name: RUNNING.to_owned(),
        seconds: 0.0,
        boots: vec![(bench.base.release.clone(), outcome.seconds)],
        to_boot: 0,
        failures,
        date: today()?,
    })
}
