// SPDX-License-Identifier: GPL-2.0-only

//! On stock kernels: compilers of dkms-rust that try to do harm.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use crate::debian::setup::Setup;
use crate::guest::outcome::{Outcome, show_cases};
use crate::guest::small_guest::{self, Boot, Size};
use crate::host::{cargo, files, ui};

use super::tally::Tally;

/// Where the guest's case finds the program that tries.
const PROGRAM: &str = "suites/confine";

const SIZE: Size = Size {
    timeout: Duration::from_secs(300),
    ..small_guest::USUAL
};

/// Boots each kernel with it.
pub fn run(setup: &Setup<'_>, tally: &mut Tally) {
    let built = ui::step("build a program that tries to do harm", || {
        let guest = cargo::static_program(setup.project, "guest")?;
        let harm = cargo::static_test(setup.project, "dkms-rust", "confine")?;
        Ok::<_, anyhow::Error>((guest, files::bytes(&harm)?))
    });
    match built {
        Ok((guest, harm)) => {
            let programs = [(PROGRAM.to_owned(), harm)];
            for release in &setup.releases {
                let booted = boot(setup, release, &guest, &programs);
                tally.guest(&format!("confined/{release}"), booted);
            }
        }
        Err(error) => tally.fail("confined/program", &format!("{error:#}")),
    }
}

fn boot(
    setup: &Setup<'_>,
    release: &str,
    program: &Path,
    programs: &[(String, Vec<u8>)],
) -> Result<Outcome> {
    let guest = Boot {
        kernel: &setup.checks.kernel(release)?,
        program,
        modules: &[],
        programs,
        words: "guest=confined",
        name: &format!("guest-confined-{release}"),
        devices: &[],
        size: SIZE,
    };
    ui::step(
        &format!("confine compilers in a guest with {release}"),
        || guest.run(setup.project, &mut show_cases("")),
    )
}
