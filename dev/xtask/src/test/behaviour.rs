// SPDX-License-Identifier: GPL-2.0-only

//! The behaviour suite: each statement of the design about reading, writing and the module's life
//! is a case of the `guest` program. It runs on stock kernels, with the modules that the package
//! built.

use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Result, anyhow};

use crate::debian::setup::Setup;
use crate::guest::outcome::{Outcome, show_cases};
use crate::guest::small_guest::{self, Boot, Size};
use crate::host::{cargo, ui};

use super::native::Built;
use super::tally::Tally;

/// The extent of a run: parameters for the guest, its memory and its time limit.
struct Length {
    words: &'static str,
    size: Size,
}

/// For `make test`.
const USUAL: Length = Length {
    words: "guest=behaviour",
    size: small_guest::USUAL,
};

/// For `make test-all`: ten minutes of random calls, a minute of concurrent readers and writers,
/// and more rounds of load and unload.
const LONG: Length = Length {
    words: "guest=behaviour guest.patience=5 guest.random=600 guest.seconds=60 guest.rounds=1000",
    size: Size {
        timeout: Duration::from_secs(3600),
        ..small_guest::USUAL
    },
};

/// Boots a small guest for each kernel, all in parallel, and counts their cases.
pub fn run(setup: &Setup<'_>, modules: &[Built], long: bool, tally: &mut Tally) {
    let program = ui::step("build the guest's program", || {
        cargo::static_program(setup.project, "guest")
    });
    let program = match program {
        Ok(program) => program,
        Err(error) => return tally.fail("behaviour/program", &format!("{error:#}")),
    };
    let outcomes = thread::scope(|scope| {
        let program = &program;
        let guests: Vec<_> = modules
            .iter()
            .map(|built| scope.spawn(move || boot(setup, program, built, "behaviour", long)))
            .collect();
        guests
            .into_iter()
            .map(|guest| guest.join().unwrap_or_else(|_| Err(anyhow!("it panicked"))))
            .collect::<Vec<_>>()
    });
    for (built, outcome) in modules.iter().zip(outcomes) {
        tally.guest(&format!("behaviour/{}", built.release), outcome);
    }
    for release in &setup.releases {
        if !modules.iter().any(|built| built.release == *release) {
            tally.skip(&format!("behaviour/{release}"), "no module was built");
        }
    }
}

/// Boots a small guest with the behaviour suite. Its log is named after `name` and the release.
pub fn boot(
    setup: &Setup<'_>,
    program: &Path,
    built: &Built,
    name: &str,
    long: bool,
) -> Result<Outcome> {
    let Built {
        release, module, ..
    } = built;
    let name = format!("guest-{name}-{release}");
    let vmlinuz = setup.checks.kernel(release)?;
    let what = format!("run the behaviour suite in a guest with {release}");
    let length = if long { LONG } else { USUAL };
    ui::step(&what, || {
        let guest = Boot {
            kernel: &vmlinuz,
            program,
            modules: &[(small_guest::DRIVER, module)],
            programs: &[],
            words: length.words,
            name: &name,
            devices: &[],
            size: length.size,
        };
        guest.run(setup.project, &mut show_cases(release))
    })
}
