// SPDX-License-Identifier: GPL-2.0-only

//! Which of the tests are to run.

use anyhow::{Result, ensure};

/// What the command line asks for.
#[derive(Default)]
pub struct Choice {
    /// The long steps too.
    pub all: bool,
    /// Only these, and what they need; all when empty.
    pub only: Vec<String>,
}

/// A step of the tests.
struct Step {
    name: &'static str,
    /// Only `make test-all` has it.
    long: bool,
    /// Steps that cannot do without it.
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

/// In the order in which they run.
const STEPS: &[Step] = &[
    quick("host"),
    quick("package"),
    Step {
        // It builds the modules that the guests load.
        needed_by: &[
            "behaviour",
            "runtime",
            "newer-rustc",
            "secure-boot",
            "foreign",
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
    long("samples"),
    long("small-machine"),
    long("foreign"),
    long("debug"),
    long("faults"),
    long("races"),
    long("matrix"),
];

impl Choice {
    /// Fails for a step that there is not.
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

    /// Whether the step is to run.
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
