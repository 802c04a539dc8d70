// SPDX-License-Identifier: GPL-2.0-only

//! The case that needs a running system: apt works while the module is loaded and its file is open.
//! The builds are emulated too, so this takes long.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::debian::setup::Setup;
use crate::guest::full_guest::{self, Payload};
use crate::guest::outcome::show_cases;
use crate::guest::problems;
use crate::host::{date, ui};
use crate::life::cases::RUNNING;
use crate::package::versions;

use super::list::Row;

/// The script that the guest runs.
pub const SCRIPT: &str = concat!(
    include_str!("../guest/scripts/begin.sh"),
    include_str!("upgrades.sh")
);

/// Four builds of three minutes each, on a machine that may be busy.
const TIMEOUT: Duration = Duration::from_secs(3600);

/// Boots the guest, and waits for its end.
pub fn run(setup: &Setup<'_>, caches: &[PathBuf]) -> Result<Row> {
    let project = setup.project;
    let others = versions::repositories(project, &setup.debs)?;
    let more: Vec<(&str, &Path)> = others.iter().map(|(name, dir)| (*name, &**dir)).collect();
    // The first cache is for the kernel that boots.
    let warm = caches.first().context("no filled cache")?;
    let payload = Payload {
        script: SCRIPT,
        repo: &setup.repo,
        more: &more,
        warm,
        timeout: TIMEOUT,
        words: "",
        files: &[],
    };
    let name = format!("life-{RUNNING}");
    let outcome = full_guest::run(project, &setup.base, &payload, &name, &mut show_cases(""))?;
    let failures = problems::of(&outcome);
    for failure in &failures {
        ui::say(&format!("FAIL  {RUNNING}: {failure}"));
    }
    Ok(Row {
        name: RUNNING.to_owned(),
        seconds: 0.0,
        boots: vec![(setup.base.release.clone(), outcome.seconds)],
        to_boot: 0,
        failures,
        date: date::today()?,
    })
}
