// SPDX-License-Identifier: GPL-2.0-only

//! The packages' life on a Debian system: what is done to it, and what must come of it.
//!
//! Steps are for sh, as root, with the real apt, dpkg and dkms, in a Debian 13 with the compilers
//! and without a network. `life/steps.sh` has what they call and says what is set.

mod failures;
mod kernels;
mod order;
mod places;
mod recommends;
mod versions;

/// A case: parts that follow one another in one root.
pub struct Case {
    /// Its name.
    pub name: &'static str,
    /// What it shows, for the table in the documentation.
    pub about: &'static str,
    /// What the root has in the beginning.
    pub start: Start,
    /// What is broken by `broken` and mended by `mended`.
    pub fault: Option<&'static Fault>,
    /// What is done.
    pub parts: &'static [Part],
    /// Whether `make test` has it; `make life` has all.
    pub in_test: bool,
}

/// What a root has in the beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// No kernel, and nothing of ours.
    Bare,
    /// The older kernel with its headers and linux-source, as `apt install linux-image-amd64
    /// linux-headers-amd64 linux-source` of that suite leaves it.
    Old,
    /// The same with the packages installed, and so the driver built.
    Installed,
}

/// Steps, and which kernels then boot.
pub struct Part {
    /// The steps.
    pub steps: &'static [Step],
    /// The kernels that must have the entry when they have booted, or not where the package has been
    /// removed.
    pub boots: &'static [Which],
}

/// One of the two kernels of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// That of Debian's stable suite.
    Old,
    /// The newer one, of the backports.
    New,
}

/// A command line, and what must come of it.
pub struct Step {
    /// The command line.
    pub line: &'static str,
    /// The exit status that it must have.
    pub exit: i32,
    /// Patterns that its output must have.
    pub says: &'static [&'static str],
    /// Whether it must also say what the fault's `says` has.
    pub says_why: bool,
}

/// A way in which building can fail.
pub struct Fault {
    /// What makes it fail.
    pub breaks: &'static str,
    /// What mends it, and then the one command or apt run that brings the module.
    pub mends: &'static str,
    /// What a user is told, wherever it is met.
    pub says: &'static [&'static str],
}

/// The guest that runs `guest/upgrades.sh`, in a system that is up all the while.
pub const RUNNING: &str = "running-system";
const RUNNING_ABOUT: &str = "in a booted Debian: upgrade and reinstallation replace the loaded \
    module; while a program has its file open the loaded one stays, and the commands are printed \
    that change over; a version that does not compile leaves it as it is; removal while the file \
    is open takes it away";

/// A step that must succeed.
const fn step(line: &'static str) -> Step {
    says(line, &[])
}

/// A step that must succeed and say this.
const fn says(line: &'static str, says: &'static [&'static str]) -> Step {
    Step {
        line,
        exit: 0,
        says,
        says_why: false,
    }
}

/// All cases.
pub fn all() -> impl Iterator<Item = &'static Case> {
    [
        kernels::CASES,
        order::CASES,
        failures::CASES,
        versions::CASES,
        places::CASES,
        recommends::CASES,
    ]
    .into_iter()
    .flatten()
}

/// The names of all, with what they show.
pub fn names() -> impl Iterator<Item = (&'static str, &'static str)> {
    all()
        .map(|case| (case.name, case.about))
        .chain([(RUNNING, RUNNING_ABOUT)])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use regex::Regex;

    use super::*;

    #[test]
    fn every_case_has_a_name_of_its_own_and_patterns_that_compile() {
        let names: BTreeSet<&str> = all().map(|case| case.name).collect();
        assert_eq!(names.len(), all().count());
        let steps = all()
            .flat_map(|case| case.parts)
            .flat_map(|part| part.steps);
        let faults = all().filter_map(|case| case.fault);
        for pattern in steps
            .flat_map(|step| step.says)
            .chain(faults.flat_map(|fault| fault.says))
        {
            assert!(Regex::new(pattern).is_ok(), "{pattern}");
        }
    }

    #[test]
    fn a_case_with_a_fault_is_told_of_it_and_one_without_is_not() {
        for case in all() {
            let steps = case.parts.iter().flat_map(|part| part.steps);
            let told = steps.filter(|step| step.says_why).count();
            assert_eq!(case.fault.is_some(), told > 0, "{}", case.name);
        }
    }
}
