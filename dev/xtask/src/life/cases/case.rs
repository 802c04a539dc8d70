// SPDX-License-Identifier: GPL-2.0-only

//! The definition of a case.

/// A case: a sequence of steps in one root.
pub struct Case {
    /// Its name.
    pub name: &'static str,
    /// What it shows, for the list in the documentation.
    pub about: &'static str,
    /// The initial state of the root.
    pub start: Start,
    /// The fault that `broken` causes and `mended` mends.
    pub fault: Option<&'static Fault>,
    /// The steps.
    pub steps: &'static [Step],
    /// Whether `make test` runs it; `make life` runs all cases.
    pub in_test: bool,
}

/// The initial state of a root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// No kernel, and none of our packages.
    Bare,
    /// The older kernel with its headers and linux-source, as after `apt install linux-image-amd64
    /// linux-headers-amd64 linux-source` from that suite.
    Old,
    /// Like [`Start::Old`], with our packages installed and the driver built.
    Installed,
    /// The older kernel without headers, and neither compilers nor dkms.
    Target,
}

/// One of the kernels of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The kernel of Debian's stable suite.
    Old,
    /// The newer kernel, from backports.
    New,
    /// The kernel before that of the stable suite, if the archive still has it.
    Before,
}

impl Case {
    /// Returns whether it needs the kernel before that of the stable suite.
    pub fn needs_before(&self) -> bool {
        self.mentions("$BEFORE")
    }

    /// Returns whether it needs the prebuilt modules and their key.
    pub fn needs_packed(&self) -> bool {
        self.mentions("packed")
    }

    fn mentions(&self, word: &str) -> bool {
        self.steps.iter().any(|step| step.line.contains(word))
    }

    /// Lets `make test` run it, too.
    pub const fn in_test(self) -> Self {
        Self {
            in_test: true,
            ..self
        }
    }

    /// Changes the initial state.
    pub const fn from(self, start: Start) -> Self {
        Self { start, ..self }
    }
}

/// A command line, its expected result, and what boots then.
pub struct Step {
    /// The command line.
    pub line: &'static str,
    /// The expected exit status.
    pub exit: i32,
    /// Patterns that its output must match.
    pub says: &'static [&'static str],
    /// Whether the output must also match the patterns of the fault.
    pub says_why: bool,
    /// The kernels to boot after it. Each must have the entry or, if the package has been removed,
    /// must not have it.
    pub boots: &'static [Which],
}

impl Step {
    /// Expects another exit status than 0.
    pub const fn exits(self, exit: i32) -> Self {
        Self { exit, ..self }
    }

    /// Expects the message of the case's fault.
    pub const fn says_why(self) -> Self {
        Self {
            says_why: true,
            ..self
        }
    }

    /// Boots these kernels afterwards.
    pub const fn boots(self, boots: &'static [Which]) -> Self {
        Self { boots, ..self }
    }
}

/// A reason for a build to fail.
pub struct Fault {
    /// The commands that cause the failure.
    pub breaks: &'static str,
    /// The commands that mend it, followed by the one command or apt run that brings the module.
    pub mends: &'static str,
    /// Patterns for the message that a user gets, whenever the fault occurs.
    pub says: &'static [&'static str],
}

/// Makes a case without a fault that only `make life` runs.
pub const fn case(
    name: &'static str,
    about: &'static str,
    start: Start,
    steps: &'static [Step],
) -> Case {
    Case {
        name,
        about,
        start,
        fault: None,
        steps,
        in_test: false,
    }
}

/// Makes a step that must succeed.
pub const fn step(line: &'static str) -> Step {
    says(line, &[])
}

/// Makes a step that must succeed, and whose output must match these patterns.
pub const fn says(line: &'static str, says: &'static [&'static str]) -> Step {
    Step {
        line,
        exit: 0,
        says,
        says_why: false,
        boots: &[],
    }
}
