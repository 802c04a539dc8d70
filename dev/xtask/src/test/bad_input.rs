// SPDX-License-Identifier: GPL-2.0-only

//! Tests dkms-rust with bad input: it must give a clear reason and the right exit status, and leave
//! nothing in its cache. The cases are in `cases/bad_input`.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::debian::chroot::Chroot;
use crate::debian::packaged;
use crate::debian::root::Root;
use crate::debian::setup::Setup;
use crate::host::mounts;
use crate::test::cases::bad_input::{self, BadInput};

use super::tally::Tally;

/// Where dkms-rust stores its results.
const CACHE: &str = "/var/cache/dkms-rust";
/// Where the cases find a filled cache.
const WARM: &str = "/srv/warm";

/// Runs each case in its own root.
pub fn run(setup: &Setup<'_>, warm: &Path, tally: &mut Tally) {
    let what = format!(
        "{} cases of bad input for dkms-rust",
        bad_input::all().count()
    );
    tally.cases("bad-input", &what, |tally| {
        let work = mounts::scratch_folder(setup.project)?;
        let installed = installed(setup, &work.path().join("installed"))?;
        for case in bad_input::all() {
            tally.case(&format!("bad-input/{}", case.name), || {
                one(setup, &installed, warm, case)
            });
        }
        Ok(())
    });
}

/// Makes a layer with dkms-rust installed. Each case adds its own layer to it.
fn installed(setup: &Setup<'_>, layer: &Path) -> Result<Root> {
    let log = setup.project.log("bad-input")?;
    let chroot = packaged::with_dkms_rust(setup.project, &setup.base, &setup.repo, &log)?;
    chroot.keep(layer)?;
    Ok(setup.base.with_layer(layer))
}

fn one(setup: &Setup<'_>, root: &Root, warm: &Path, case: &BadInput) -> Result<()> {
    let log = setup.project.log("bad-input")?;
    let mut chroot = Chroot::new(setup.project, root)?;
    chroot.bind(warm, WARM)?;
    let line = |text: &str| {
        let release = &root.release;
        format!("R='{release}'; C={CACHE}; W={WARM}/cache; U=/home/user; {text}")
    };
    chroot
        .sh(&line(&format!("set -e; {}", case.prepare)))
        .log(&log)
        .run()
        .context("to prepare")?;
    let before = kept(&chroot)?;
    let output = chroot.sh(&line(case.command)).log(&log).try_run()?;
    let command = || format!("`{}`", case.command);
    output.must_end_with(case.exit).with_context(command)?;
    for says in case.says {
        output.must_say(says).with_context(command)?;
    }
    let after = kept(&chroot)?;
    let left: Vec<&String> = after.difference(&before).collect();
    ensure!(
        left.is_empty() || case.may_make,
        "it left behind in {CACHE}: {left:?}"
    );
    Ok(())
}

/// Lists all files in the cache except locks, which are empty.
fn kept(chroot: &Chroot) -> Result<BTreeSet<String>> {
    let line = format!("[ ! -d {CACHE} ] || find {CACHE} ! -type d ! -name .lock");
    Ok(chroot
        .sh(&line)
        .run()?
        .text
        .lines()
        .map(str::to_owned)
        .collect())
}

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::*;

    #[test]
    fn every_case_has_a_name_of_its_own_and_patterns_that_compile() {
        let names: BTreeSet<&str> = bad_input::all().map(|case| case.name).collect();
        assert_eq!(names.len(), bad_input::all().count());
        for pattern in bad_input::all().flat_map(|case| case.says) {
            assert!(Regex::new(pattern).is_ok(), "{pattern}");
        }
    }

    #[test]
    fn every_case_says_what_it_wants_to_read() {
        for case in bad_input::all() {
            assert!(!case.says.is_empty(), "{}", case.name);
        }
    }
}
