// SPDX-License-Identifier: GPL-2.0-only

//! `dkms-rust fleet`: builds modules for all kernels of some suites, and writes an apt repository of
//! them. May use all rooms except `cli` and `commands`.
//!
//! [`config`] reads the file that describes a fleet; [`suite`] builds for the kernels that the
//! archive [`offers`] for a suite, in a [`chroot`] of its [`tarball`], by `dkms-rust pack`
//! ([`packing`]); [`state`] keeps what was built; [`repository`] has reprepro write the repository.

mod chroot;
mod config;
mod offers;
mod packing;
mod repository;
mod state;
mod suite;
mod tarball;

use crate::kernel::build_result::BuildResult;
use crate::pack::field;
use crate::system::child::interrupted;
use crate::system::flock::{self, Share};
use crate::system::names_in;
use crate::system::print::{print, tell};
use crate::system::search::program;
use crate::system::trusted::is_root;
use anyhow::{Context, Result, bail, ensure};
use config::Fleet;
use repository::Contents;
use state::{Entry, State};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

/// The programs that a build host needs.
const NEEDED: [&str; 4] = ["mmdebstrap", "reprepro", "gpg", "chroot"];

/// Builds what is new, and writes the repository. Exits with 1 if a build failed.
///
/// # Errors
///
/// If the fleet's file is wrong, a suite's chroot can't be made, or the repository can't be written.
/// Suites whose chroot works are built all the same.
pub fn build(path: &Path, again: bool, json: bool) -> Result<ExitCode> {
    let fleet = Fleet::read(path)?;
    ensure!(
        is_root(),
        "chroots need root: sudo dkms-rust fleet build {0}; or a user namespace: \
         unshare --map-root-user --map-auto --mount dkms-rust fleet build {0}",
        path.display()
    );
    for name in NEEDED {
        ensure!(
            program(name).exists(),
            "{name} is missing: apt install mmdebstrap reprepro gnupg"
        );
    }
    repository::can_sign(&fleet)?;
    fs::create_dir_all(&fleet.directory)
        .with_context(|| format!("can't create {}", fleet.directory.display()))?;
    let _lock = lock(&fleet.directory)?;
    let debs = debs(&fleet)?;
    let state = Mutex::new(State::load(&fleet.directory)?);
    let results = suites(&fleet, &debs, &state, again);
    if interrupted() {
        bail!("interrupted; the next build goes on from here");
    }
    let mut contents = Vec::new();
    let mut entries = Vec::new();
    let mut errors = Vec::new();
    for (suite, result) in fleet.suites.iter().zip(results) {
        match result {
            Ok(found) => entries.extend(found),
            Err(error) => errors.push(error.context(format!("suite {}", suite.name))),
        }
        contents.push(of_suite(&fleet, suite, &debs)?);
    }
    contents.retain(|suite| !suite.architectures.is_empty());
    let repository = repository::write(&fleet, &contents)?;
    if json {
        print(serde_json::to_string_pretty(&entries)?)?;
    } else {
        print_entries(&entries)?;
        print(repository.display())?;
    }
    for error in &errors {
        tell(format_args!("{error:#}"));
    }
    let failed = entries
        .iter()
        .any(|entry| entry.result == BuildResult::Failed);
    Ok(match failed || !errors.is_empty() {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    })
}

/// Builds the suites, as many side by side as the fleet says.
fn suites(
    fleet: &Fleet,
    debs: &[PathBuf],
    state: &Mutex<State>,
    again: bool,
) -> Vec<Result<Vec<Entry>>> {
    let mut results = Vec::new();
    for some in fleet.suites.chunks(fleet.parallel) {
        if interrupted() {
            break;
        }
        thread::scope(|scope| {
            let builds: Vec<_> = some
                .iter()
                .map(|suite| {
                    let build = suite::SuiteBuild {
                        fleet,
                        suite,
                        debs,
                        state,
                        again,
                    };
                    scope.spawn(move || build.run())
                })
                .collect();
            for build in builds {
                let result = build.join();
                results.push(result.unwrap_or_else(|_| bail!("the build of a suite ended early")));
            }
        });
    }
    results
}

/// Makes sure that only one process builds in the directory.
fn lock(directory: &Path) -> Result<File> {
    let path = directory.join(".lock");
    let file = flock::open(&path).with_context(|| format!("can't open {}", path.display()))?;
    flock::take(&file, Share::Exclusive, Duration::ZERO, |_| {})
        .with_context(|| format!("another process builds in {}", directory.display()))?;
    Ok(file)
}

/// Returns the files of the fleet's own packages.
fn debs(fleet: &Fleet) -> Result<Vec<PathBuf>> {
    let mut found = BTreeSet::new();
    for path in &fleet.debs {
        if path.is_dir() {
            found.extend(in_folder(path));
        } else {
            ensure!(path.is_file(), "{} does not exist", path.display());
            found.insert(path.clone());
        }
    }
    Ok(found.into_iter().collect())
}

fn in_folder(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let debs = names_in(folder)
        .into_iter()
        .filter(|name| name.ends_with(".deb"));
    debs.map(|name| folder.join(name))
}

/// Returns what the repository has for a suite: what was built, now and before, and the fleet's own
/// packages.
fn of_suite<'a>(fleet: &Fleet, suite: &'a config::Suite, debs: &[PathBuf]) -> Result<Contents<'a>> {
    let built: Vec<PathBuf> = in_folder(&suite::SuiteBuild::output(fleet, suite)).collect();
    let mut architectures = BTreeSet::new();
    for deb in &built {
        architectures.insert(field(deb, "Architecture")?);
    }
    let mut all = built;
    for deb in debs {
        let own = field(deb, "Architecture")?;
        if own == "all" || architectures.contains(&own) {
            all.push(deb.clone());
        }
    }
    Ok(Contents {
        suite,
        architectures,
        debs: all,
    })
}

/// Prints a line for each kernel.
fn print_entries(entries: &[Entry]) -> Result<()> {
    for entry in entries {
        let Entry {
            suite,
            kernel,
            package,
            ..
        } = entry;
        let what = match (entry.result, &entry.deb) {
            (BuildResult::Built, Some(deb)) => deb.clone(),
            (BuildResult::Refused, _) => {
                format!(
                    "can't be built: {}",
                    entry.reason.as_deref().unwrap_or_default()
                )
            }
            _ => {
                let reason = entry.reason.as_deref().unwrap_or_default();
                format!("failed: {}", reason.lines().next().unwrap_or_default())
            }
        };
        print(format_args!("{suite}: {package}: {kernel}: {what}"))?;
    }
    Ok(())
}
