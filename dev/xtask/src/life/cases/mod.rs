// SPDX-License-Identifier: GPL-2.0-only

//! The packages' lifetime on a Debian system: steps, and their expected results.
//!
//! Steps are shell commands. They run as root with the real apt, dpkg and dkms, in a Debian 13 with
//! compilers and without network. `life/steps.sh` defines the functions that they call, and
//! documents the variables.

pub mod case;
mod failures;
mod histories;
mod kernels;
mod order;
mod places;
mod prebuilt;
mod recommends;
mod robust;
mod versions;

use case::Case;

/// The case that runs `life/upgrades.sh` in a guest that stays up.
pub const RUNNING: &str = "running-system";
const RUNNING_ABOUT: &str = "in a booted Debian, upgrade and reinstallation replace the loaded \
    module; while a program has its file open, the loaded module stays, and the commands that \
    replace it later are printed; a version that does not compile changes nothing; removal unloads \
    the module even while the file is open";

/// Returns all cases except [`RUNNING`].
pub fn all() -> impl Iterator<Item = &'static Case> {
    [
        kernels::CASES,
        order::CASES,
        failures::CASES,
        versions::CASES,
        places::CASES,
        recommends::CASES,
        histories::CASES,
        robust::CASES,
        prebuilt::CASES,
    ]
    .into_iter()
    .flatten()
}

/// Returns the names and descriptions of all cases.
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
        let steps = all().flat_map(|case| case.steps);
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
            let told = case.steps.iter().any(|step| step.says_why);
            assert_eq!(case.fault.is_some(), told, "{}", case.name);
        }
    }
}
