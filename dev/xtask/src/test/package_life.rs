// SPDX-License-Identifier: GPL-2.0-only

//! The demo's apt install and remove in a booted Debian, as assertions.

use std::path::Path;

use crate::debian::setup::Setup;
use crate::guest::full_guest::{self, PACKAGE_LIFE, Payload};
use crate::host::ui;

use super::tally::Tally;

/// Boots the full guest and counts its cases.
pub fn run(setup: &Setup<'_>, warm: &Path, tally: &mut Tally) {
    const LOG: &str = "guest-package-life";
    let payload = Payload {
        script: PACKAGE_LIFE,
        repo: &setup.repo,
        more: &[],
        warm,
        words: "",
        files: &[],
        timeout: full_guest::TIMEOUT,
    };
    let outcome = ui::step("install and remove with apt in a booted Debian", || {
        full_guest::run(setup.project, &setup.base, &payload, LOG, &mut |line| {
            if let Some(case) = line.strip_prefix("CASE ") {
                ui::say(&format!("  {case}"));
            }
        })
    });
    match (outcome, setup.project.log(LOG)) {
        (Ok(outcome), Ok(log)) => tally.guest("package-life", &outcome, &log),
        (Err(error), _) | (_, Err(error)) => {
            tally.fail("package-life/boot", &format!("{error:#}"));
        }
    }
}
