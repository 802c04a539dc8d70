// SPDX-License-Identifier: GPL-2.0-only

//! What a case is made of.

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

/// One of the kernels of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// That of Debian's stable suite.
    Old,
    /// The newer one, of the backports.
    New,
    /// The one before that of the stable suite, where the archive still has it.
    Before,
}

impl Case {
    /// Whether it needs the kernel before that of the stable suite.
    pub fn needs_before(&self) -> bool {
        let mut steps = self.parts.iter().flat_map(|part| part.steps);
        steps.any(|step| step.line.contains("$BEFORE"))
    }
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

/// A case without a fault, which only `make life` has.
pub const fn case(
    name: &'static str,
    about: &'static str,
    start: Start,
    parts: &'static [Part],
) -> Case {
    Case {
        name,
        about,
        start,
        fault: None,
        parts,
        in_test: false,
    }
}

/// A step that must succeed.
pub const fn step(line: &'static str) -> Step {
    says(line, &[])
}

/// A step that must succeed and say this.
pub const fn says(line: &'static str, says: &'static [&'static str]) -> Step {
    Step {
        line,
        exit: 0,
        says,
        says_why: false,
    }
}
