// SPDX-License-Identifier: GPL-2.0-only

//! Tests the confinement of dkms-rust's compilers: on stock kernels with a program that tries to do
//! harm, and in a booted Debian with a source whose macros do.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use crate::debian::setup::Setup;
use crate::debian::warm;
use crate::guest::full_guest::{self, Payload};
use crate::guest::outcome::{Outcome, show_cases};
use crate::guest::small_guest::{self, Boot, Size};
use crate::host::{cargo, files, mounts, ui};

use super::tally::Tally;

/// Where the guest's case finds that program.
const PROGRAM: &str = "suites/confine";

const SIZE: Size = Size {
    timeout: Duration::from_secs(300),
    ..small_guest::USUAL
};

/// The script that a booted Debian runs.
pub const HARM: &str = concat!(
    include_str!("../guest/scripts/begin.sh"),
    include_str!("cases/bad_input/listener.sh"),
    include_str!("cases/harm.sh")
);

/// The script that makes the harmful source.
pub const TAMPERED: &str = include_str!("cases/bad_input/tampered.sh");

/// Emulated compilers make the bindings and the macros.
const TIMEOUT: Duration = Duration::from_secs(3600);

/// Boots a Debian with a source that was tampered with.
pub fn tampered_source(setup: &Setup<'_>, tally: &mut Tally) {
    let done = ui::step("compile a source that does harm in a booted Debian", || {
        compile_tampered(setup)
    });
    tally.guest("confined/tampered-source", done);
}

fn compile_tampered(setup: &Setup<'_>) -> Result<Outcome> {
    let Setup {
        project,
        base,
        repo,
        ..
    } = setup;
    let log = project.log("tampered-source")?;
    // Provide the tree of the genuine source: `core` and whatever else is unchanged is taken from
    // it.
    let warm = warm::cache(project, base, &base.release, repo)?;
    let chroot = warm::root(project, base, repo, &[warm], &log)?;
    let take = format!("dkms-rust source -k '{}' --from /tmp/s", base.release);
    chroot
        .sh(&format!("set -e\n{TAMPERED}\n{take}"))
        .log(&log)
        .run()?;
    let kept = mounts::scratch_folder(project)?;
    warm::keep(&chroot, kept.path())?;
    let payload = Payload {
        script: HARM,
        repo,
        more: &[],
        warm: kept.path(),
        // An emulated compiler occupies the only processor for long.
        words: "rcupdate.rcu_cpu_stall_timeout=300",
        files: &[("harm", &files::bytes(&chroot.path().join("tmp/harm"))?)],
        timeout: TIMEOUT,
    };
    full_guest::run(
        project,
        base,
        &payload,
        "guest-tampered-source",
        &mut show_cases(""),
    )
}

/// Boots each kernel with the program that tries to do harm.
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
