// SPDX-License-Identifier: GPL-2.0-only

//! Selects which tests run.

use anyhow::{Result, ensure};

/// The selection on the command line.
#[derive(Default)]
pub struct Choice {
    /// Also run the long steps.
    pub all: bool,
    /// Run only these and what they need; all if empty.
    pub only: Vec<String>,
}

/// A step of the tests.
struct Step {
    name: &'static str,
    /// Whether only `make test-all` runs it.
    long: bool,
    /// Steps that need this one.
    needed_by: &'static [&'static str],
}

const fn quick(name: &'static str) -> Step {
    Step {
        name,
        long: false,
        needed_by: &[],
    }
}

const fn long(name: &'static str) -> Step {
    Step {
        long: true,
        ..quick(name)
    }
}

/// All steps, in the order in which they run.
const STEPS: &[Step] = &[
    quick("host"),
    quick("package"),
    Step {
        // Builds the modules that the guests load.
        needed_by: &[
            "behaviour",
            "runtime",
            "newer-rustc",
            "secure-boot",
            "package-life",
            "foreign",
            "fleet",
        ],
        ..quick("native")
    },
    quick("driver"),
    quick("authors"),
    quick("bad-input"),
    quick("sources"),
    quick("status"),
    quick("behaviour"),
    quick("runtime"),
    quick("newer-rustc"),
    quick("secure-boot"),
    quick("confined"),
    quick("package-life"),
    quick("life"),
    long("authors-long"),
    long("fleet"),
    long("samples"),
    long("small-machine"),
    long("foreign"),
    long("debug"),
    long("faults"),
    long("races"),
    long("matrix"),
];

impl Choice {
    /// Fails if a step does not exist.
    pub fn check(&self) -> Result<()> {
        for only in &self.only {
            let names: Vec<_> = STEPS.iter().map(|step| step.name).collect();
            ensure!(
                names.contains(&only.as_str()),
                "{only}: no such step; there are: {}",
                names.join(", ")
            );
        }
        Ok(())
    }

    /// Returns whether the step is to run.
    pub fn wants(&self, name: &str) -> bool {
        let Some(step) = STEPS.iter().find(|step| step.name == name) else {
            return false;
        };
        if self.only.is_empty() {
            return self.all || !step.long;
        }
        self.only
            .iter()
            .any(|only| only == name || step.needed_by.contains(&only.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(name: &str) -> Choice {
        Choice {
            all: false,
            only: vec![name.into()],
        }
    }

    #[test]
    fn long_steps_run_when_all_are_wanted_or_they_are_named() {
        assert!(!Choice::default().wants("foreign"));
        assert!(Choice::default().wants("native"));
        let all = Choice {
            all: true,
            only: Vec::new(),
        };
        assert!(all.wants("foreign") && all.wants("native"));
        assert!(only("matrix").wants("matrix"));
        assert!(!only("matrix").wants("native"));
    }

    #[test]
    fn what_a_step_needs_runs_with_it() {
        assert!(only("behaviour").wants("native"));
        assert!(!only("native").wants("behaviour"));
    }

    #[test]
    fn a_step_that_there_is_not_is_an_error() {
        assert!(only("behaviour").check().is_ok());
        assert!(only("behavior").check().is_err());
    }
}
