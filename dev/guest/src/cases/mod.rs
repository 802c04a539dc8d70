// SPDX-License-Identifier: GPL-2.0-only

//! The cases: each checks one promise of the driver, and has a name and a function. Each file
//! covers one subject.

mod attributes;
mod buffers;
mod compat;
mod confined;
mod detectors;
mod faults;
mod foreign;
mod in_flight;
mod life;
mod log;
mod memory;
mod namespaces;
mod offsets;
mod open_files;
mod pipes;
mod random_calls;
mod reading;
mod ready;
mod refusals;
mod rounds;
mod runtime;
mod samples;
mod secure_boot;
mod sharing;
mod skeleton;
pub mod taint;
mod taken;
mod uring;
mod users;
mod vectors;
mod versions;
mod writers;
mod writing;
mod writing_refused;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;

use crate::module::Presence;

/// What a case gets from the command line and from earlier cases.
pub struct Context {
    /// The path of the driver's module.
    pub driver: PathBuf,
    /// How many rounds of loading and unloading to make.
    pub rounds: u32,
    /// How long concurrent readers and writers run.
    pub stress: Duration,
    /// How long random calls are made.
    pub random: Duration,
    /// The seed of the random calls.
    pub seed: u64,
    /// Taint flags that were set by cases that may warn.
    pub excused_taint: u64,
}

/// A test case: one promise of the driver.
pub struct Case {
    /// Lower-case words joined by dashes.
    pub name: &'static str,
    /// The state that the case starts from; the runner brings the driver into it.
    pub start: Presence,
    /// Whether the case makes the kernel itself warn.
    pub may_warn: bool,
    /// How long the case may run before it counts as hanging.
    pub timeout: Duration,
    /// Runs the case.
    pub run: fn(&Context) -> anyhow::Result<()>,
}

impl Case {
    /// A case that starts with the driver loaded.
    const fn loaded(name: &'static str, run: fn(&Context) -> anyhow::Result<()>) -> Self {
        Self {
            name,
            start: Presence::Loaded,
            may_warn: false,
            timeout: Duration::from_secs(60),
            run,
        }
    }

    /// A case that starts without the driver.
    const fn absent(name: &'static str, run: fn(&Context) -> anyhow::Result<()>) -> Self {
        Self {
            start: Presence::Absent,
            ..Self::loaded(name, run)
        }
    }

    /// A case for which it does not matter whether the driver is loaded.
    const fn any(name: &'static str, run: fn(&Context) -> anyhow::Result<()>) -> Self {
        Self {
            start: Presence::Either,
            ..Self::loaded(name, run)
        }
    }

    /// Sets the timeout of a case.
    const fn within(self, seconds: u64) -> Self {
        Self {
            timeout: Duration::from_secs(seconds),
            ..self
        }
    }

    /// Marks a case that makes the kernel itself warn.
    const fn warns(self) -> Self {
        Self {
            may_warn: true,
            ..self
        }
    }
}

/// The subjects of the suite `behaviour`: first those that need the driver to stay loaded, then
/// loading and unloading, then what makes the kernel warn, and last the check of the kernel's
/// taint.
const SUBJECTS: &[&[Case]] = &[
    attributes::CASES,
    reading::CASES,
    offsets::CASES,
    vectors::CASES,
    buffers::CASES,
    pipes::CASES,
    uring::CASES,
    ready::CASES,
    refusals::CASES,
    users::CASES,
    sharing::CASES,
    writing::CASES,
    writing_refused::CASES,
    versions::CASES,
    writers::CASES,
    namespaces::CASES,
    random_calls::CASES,
    compat::CASES,
    life::CASES,
    open_files::CASES,
    in_flight::CASES,
    log::CASES,
    rounds::CASES,
    taken::CASES,
    taint::CASES,
];

/// Returns every case of every suite, in order.
pub fn all() -> impl Iterator<Item = &'static Case> {
    SUITES.iter().flat_map(|suite| suite.cases())
}

/// Cases that run together.
pub struct Suite {
    name: &'static str,
    subjects: &'static [&'static [Case]],
}

impl Suite {
    /// Returns the cases of the suite, in the order in which they run.
    pub fn cases(&self) -> impl Iterator<Item = &'static Case> + use<> {
        self.subjects.iter().flat_map(|cases| cases.iter())
    }
}

const SUITES: &[Suite] = &[
    Suite {
        name: "behaviour",
        subjects: SUBJECTS,
    },
    // What dkms-rust provides to any module.
    Suite {
        name: "runtime",
        subjects: &[runtime::CASES],
    },
    // The kernel's own modules in Rust; the host puts them into the guest.
    Suite {
        name: "samples",
        subjects: &[samples::CASES],
    },
    // What `dkms-rust new` writes.
    Suite {
        name: "skeleton",
        subjects: &[skeleton::CASES],
    },
    Suite {
        name: "secure-boot-enrolled",
        subjects: &[secure_boot::ENROLLED],
    },
    Suite {
        name: "secure-boot-absent",
        subjects: &[secure_boot::ABSENT],
    },
    // The next three need a debug kernel.
    Suite {
        name: "faults",
        subjects: &[faults::CASES],
    },
    Suite {
        name: "memory",
        subjects: &[memory::CASES],
    },
    Suite {
        name: "detectors",
        subjects: &[detectors::CASES],
    },
    // Needs no driver, but a program that the host puts into the guest.
    Suite {
        name: "confined",
        subjects: &[confined::CASES],
    },
    // Programs by others, which the host puts into the guest.
    Suite {
        name: "foreign",
        subjects: &[foreign::CASES],
    },
];

/// Returns the suite of this name.
pub fn suite(name: &str) -> anyhow::Result<&'static Suite> {
    let found = SUITES.iter().find(|suite| suite.name == name);
    found.with_context(|| {
        let names: Vec<_> = SUITES.iter().map(|suite| suite.name).collect();
        format!(
            "guest={name}: no such suite; there are: {}",
            names.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_name_is_words_with_dashes_and_there_is_one_of_each() {
        let mut seen = BTreeSet::new();
        for case in all() {
            assert!(seen.insert(case.name), "{} is there twice", case.name);
            assert!(
                case.name.split('-').all(|word| !word.is_empty()
                    && word
                        .chars()
                        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())),
                "{}",
                case.name
            );
        }
    }
}
