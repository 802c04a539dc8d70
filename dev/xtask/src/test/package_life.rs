// SPDX-License-Identifier: GPL-2.0-only

//! Tests apt install and remove in a booted Debian, as in the demo, and then the same for a module
//! that `dkms-rust new` makes there.

use std::path::Path;

use crate::debian::setup::Setup;
use crate::guest::full_guest::{self, PACKAGE_LIFE_AND_OWN_MODULE, Payload};
use crate::guest::outcome::show_cases;
use crate::host::ui;

use super::tally::Tally;

/// Boots the full guest and counts its cases.
pub fn run(setup: &Setup<'_>, warm: &Path, tally: &mut Tally) {
    const LOG: &str = "guest-package-life";
    let payload = Payload {
        script: PACKAGE_LIFE_AND_OWN_MODULE,
        repo: &setup.repo,
        more: &[],
        warm,
        words: "",
        files: &[],
        timeout: full_guest::TIMEOUT,
    };
    let on_line = &mut show_cases("");
    let outcome = ui::step("install and remove with apt in a booted Debian", || {
        full_guest::run(setup.project, &setup.base, &payload, LOG, on_line)
    });
    tally.guest("package-life", outcome);
}
