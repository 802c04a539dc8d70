// SPDX-License-Identifier: GPL-2.0-only

//! What the driver promises, a case each: a name and a function, one file a subject.

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

/// What a case is told.
pub struct Context {
    /// The driver's file.
    pub driver: PathBuf,
    /// How many rounds of load and unload are asked for.
    pub rounds: u32,
    /// How long readers and writers meet each other.
    pub stress: Duration,
    /// How long random calls are made.
    pub random: Duration,
    /// What they follow from.
    pub seed: u64,
    /// Taint bits that a case which may warn has set.
    pub excused_taint: u64,
}

/// One promise of the driver.
pub struct Case {
    /// Lower case words with dashes between.
    pub name: &'static str,
    /// Where the case starts from; the runner brings the driver there.
    pub start: Presence,
    /// Whether the kernel itself warns in it, by what it does.
    pub may_warn: bool,
    /// When it counts as hanging.
    pub timeout: Duration,
    /// Tries it.
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

    /// A case to which the driver's being there does not matter.
    const fn any(name: &'static str, run: fn(&Context) -> anyhow::Result<()>) -> Self {
        Self {
            start: Presence::Either,
            ..Self::loaded(name, run)
        }
    }

    /// The same, with more or less time.
    const fn within(self, seconds: u64) -> Self {
        Self {
            timeout: Duration::from_secs(seconds),
            ..self
        }
    }

    /// The same, where the kernel itself warns.
    const fn warns(self) -> Self {
        Self {
            may_warn: true,
            ..self
        }
    }
}

/// All subjects: first what needs the driver to stay, then its life; at the end what makes the
/// kernel warn, and the look at what the whole did to the kernel.
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

/// Every case, in the order in which they run.
pub fn all() -> impl Iterator<Item = &'static Case> {
    SUITES.iter().flat_map(|suite| suite.cases())
}

/// Cases that run together.
pub struct Suite {
    name: &'static str,
    subjects: &'static [&'static [Case]],
}

impl Suite {
    /// Its cases, in the order in which they run.
    pub fn cases(&self) -> impl Iterator<Item = &'static Case> + use<> {
        self.subjects.iter().flat_map(|cases| cases.iter())
    }
}

const SUITES: &[Suite] = &[
    Suite {
        name: "behaviour",
        subjects: SUBJECTS,
    },
    // What dkms-rust gives to any module.
    Suite {
        name: "runtime",
        subjects: &[runtime::CASES],
    },
    // The kernel's own modules in Rust, which are put into the guest for it.
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
    // Those that follow ask for a debug kernel.
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
    // Needs no driver, but a program that is put into the guest.
    Suite {
        name: "confined",
        subjects: &[confined::CASES],
    },
    // Others' programs, which are put into the guest for it.
    Suite {
        name: "foreign",
        subjects: &[foreign::CASES],
    },
];

/// The suite of this name.
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
