// SPDX-License-Identifier: GPL-2.0-only

//! Goals for the driver, and whether it meets them.

use super::results::{BEFORE, Row};

/// A goal: a measured value, and its bound.
pub struct Goal {
    /// Description.
    pub what: &'static str,
    look: Look,
    bound: Bound,
}

/// The value that a goal is about.
enum Look {
    /// The driver's value of a row, divided by a peer's.
    Ratio(&'static str, &'static str),
    /// The driver's value of a row, minus a peer's.
    More(&'static str, &'static str),
    /// The driver's value of a row.
    Ours(&'static str),
    /// The throughput of two readers relative to one, divided by the same ratio of a peer.
    Scaling(&'static str),
}

enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

/// The state of a goal on a kernel.
pub struct Standing {
    /// Description of the goal.
    pub what: &'static str,
    /// The kernel's release.
    pub kernel: String,
    /// Description of the bound.
    pub bound: String,
    /// The measured value.
    pub value: f64,
    /// Whether the value is within the bound.
    pub met: bool,
}

const fn goal(what: &'static str, look: Look, bound: Bound) -> Goal {
    Goal { what, look, bound }
}

const CAT: &str = "open-read-read-close";
const PREAD: &str = "pread";

/// All goals.
pub const GOALS: &[Goal] = &[
    goal(
        "open, read, read, close by seqfile",
        Look::Ratio(CAT, "seqfile"),
        Bound::AtMost(0.80),
    ),
    goal(
        "open, read, read, close by full",
        Look::Ratio(CAT, "full"),
        Bound::AtMost(1.00),
    ),
    goal(
        "open, read, read, close by plain",
        Look::Ratio(CAT, "plain"),
        Bound::AtMost(1.12),
    ),
    goal(
        "pread by seqfile",
        Look::Ratio(PREAD, "seqfile"),
        Bound::AtMost(0.80),
    ),
    goal(
        "pread by full",
        Look::Ratio(PREAD, "full"),
        Bound::AtMost(1.00),
    ),
    goal(
        "pread by plain",
        Look::Ratio(PREAD, "plain"),
        Bound::AtMost(1.12),
    ),
    goal(
        "two readers beside one, by plain",
        Look::Scaling("plain"),
        Bound::AtLeast(1.00),
    ),
    goal(
        "memory more than full, bytes",
        Look::More("module-memory", "full"),
        Bound::AtMost(4096.0),
    ),
    goal(
        "memory more than plain, bytes",
        Look::More("module-memory", "plain"),
        Bound::AtMost(4096.0),
    ),
    goal(
        "dkms build, warm, by acpi-call",
        Look::Ratio("dkms-build-warm", "acpi-call"),
        Bound::AtMost(1.20),
    ),
    goal(
        "write of 6 bytes by full",
        Look::Ratio("write-6", "full"),
        Bound::AtMost(1.10),
    ),
    goal(
        "dkms build, warm, processor time by acpi-call",
        Look::Ratio("dkms-build-warm-processor", "acpi-call"),
        Bound::AtMost(1.10),
    ),
    goal(
        "apt, download, bytes",
        Look::Ours("apt-download"),
        Bound::AtMost(350e6),
    ),
    goal(
        "apt, download without Recommends",
        Look::Ours("apt-download-lean"),
        Bound::AtMost(210e6),
    ),
    goal(
        "apt, disk without Recommends",
        Look::Ours("apt-disk-lean"),
        Bound::AtMost(900e6),
    ),
    goal(
        "tree, cold, memory, bytes",
        Look::Ours("tree-cold-memory"),
        Bound::AtMost(858_993_459.0),
    ),
    goal(
        "tree, cold, by before",
        Look::Ratio("tree-cold", BEFORE),
        Bound::AtMost(0.80),
    ),
    goal(
        "tree, next kernel, by before",
        Look::Ratio("tree-next", BEFORE),
        Bound::AtMost(0.45),
    ),
    goal(
        "tree, next kernel, processor time by before",
        Look::Ratio("tree-next-processor", BEFORE),
        Bound::AtMost(0.45),
    ),
    goal(
        "trees of two kernels, bytes",
        Look::Ours("trees-of-two-kernels"),
        Bound::AtMost(130e6),
    ),
    goal(
        "dkms build, cold, seconds",
        Look::Ours("dkms-build-cold"),
        Bound::AtMost(45.0),
    ),
];

/// Returns the state of each goal on each kernel of these rows. Goals without measurements are left
/// out.
pub fn standings(rows: &[Row]) -> Vec<Standing> {
    let mut kernels: Vec<&str> = rows.iter().map(|row| &*row.kernel).collect();
    kernels.dedup();
    let mut seen = Vec::new();
    kernels.retain(|kernel| {
        let new = !seen.contains(kernel);
        seen.push(*kernel);
        new
    });
    let mut standings = Vec::new();
    for goal in GOALS {
        for kernel in &kernels {
            let of = |name: &str| {
                rows.iter()
                    .find(|row| row.name == name && row.kernel == **kernel)
            };
            if let Some(value) = goal.look.value(of) {
                standings.push(goal.standing(kernel, value));
            }
        }
    }
    standings
}

impl Goal {
    fn standing(&self, kernel: &str, value: f64) -> Standing {
        // Compare the rounded value that is shown: a value that reads as the bound is within it.
        let value = (value * 100.0).round() / 100.0;
        let (word, bound, met) = match self.bound {
            Bound::AtMost(bound) => ("at most", bound, value <= bound),
            Bound::AtLeast(bound) => ("at least", bound, value >= bound),
        };
        Standing {
            what: self.what,
            kernel: kernel.to_owned(),
            bound: format!("{word} {bound}"),
            value,
            met,
        }
    }
}

impl Look {
    fn value<'a>(&self, of: impl Fn(&str) -> Option<&'a Row>) -> Option<f64> {
        match self {
            Self::Ratio(name, peer) => of(name)?.ratio.get(*peer).copied(),
            Self::More(name, peer) => {
                let row = of(name)?;
                Some(row.of("driver")? - row.of(peer)?)
            }
            Self::Ours(name) => Some(of(name)?.of("driver")?),
            Self::Scaling(peer) => {
                let (one, two) = (of("reads-1")?, of("reads-2")?);
                let scale = |name| Some(two.of(name)? / one.of(name)?);
                Some(scale("driver")? / scale(peer)?)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::results::Value;
    use super::super::results::tests::row;
    use super::*;

    fn with(name: &str, ours: f64, peer: &str, theirs: f64) -> Row {
        let mut row = row(name, "7", ours);
        row.add(peer, Value::of(&[theirs]).unwrap());
        row
    }

    fn of<'a>(standings: &'a [Standing], what: &str) -> &'a Standing {
        standings
            .iter()
            .find(|standing| standing.what == what)
            .unwrap()
    }

    #[test]
    fn a_goal_is_met_up_to_its_bound() {
        let standings = standings(&[with(PREAD, 80.0, "seqfile", 100.0)]);
        assert!(of(&standings, "pread by seqfile").met);
        let standings = super::standings(&[with(PREAD, 81.0, "seqfile", 100.0)]);
        assert!(!of(&standings, "pread by seqfile").met);
    }

    #[test]
    fn scaling_is_that_of_two_readers_by_one() {
        let rows = [
            with("reads-1", 10.0, "plain", 10.0),
            with("reads-2", 15.0, "plain", 20.0),
        ];
        let standings = standings(&rows);
        let scaling = of(&standings, "two readers beside one, by plain");
        assert_eq!((scaling.value, scaling.met), (0.75, false));
    }

    #[test]
    fn what_was_not_measured_has_no_standing() {
        assert!(standings(&[row("other", "7", 1.0)]).is_empty());
    }
}
