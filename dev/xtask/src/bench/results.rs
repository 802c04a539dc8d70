// SPDX-License-Identifier: GPL-2.0-only

//! The benchmark's results: `target/bench/results.json` and `docs/benchmark.json`.
//! `docs/benchmark.md` explains the fields.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use crate::report::results;

/// A part of the benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// Instructions of calls, loading and unloading; memory of a module
    Instructions,
    /// Reads per second with one and two readers, with and without a writer
    Throughput,
    /// Build by dkms, sizes, apt install
    Costs,
    /// What apt downloads and unpacks, according to apt
    Apt,
}

impl Part {
    /// Returns its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Instructions => "instructions",
            Self::Throughput => "throughput",
            Self::Costs => "costs",
            Self::Apt => "apt",
        }
    }
}

/// The peer that is a small DKMS package in C from Debian.
pub const YARDSTICK: &str = "acpi-call";

/// The peer that is an earlier state of the driver.
pub const BEFORE: &str = "before";

/// The values of a measure on a kernel, for the driver and its peers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Row {
    /// The part of the benchmark.
    pub part: Part,
    /// The measure.
    pub name: String,
    /// The unit of the values.
    pub unit: String,
    /// The kernel's release.
    pub kernel: String,
    /// The compilers that built the modules.
    pub compiler: Compilers,
    /// The date of the measurement.
    pub date: String,
    /// The driver's value; none if the measure does not apply to the driver.
    pub ours: Option<Value>,
    /// The peers' values, by name.
    pub peers: BTreeMap<String, Value>,
    /// The driver's value divided by each peer's.
    pub ratio: BTreeMap<String, f64>,
}

/// The compilers used for a kernel.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Compilers {
    /// The C compiler, which built the kernel and the peers.
    pub gcc: String,
    /// The Rust compiler, which built the driver.
    pub rustc: String,
}

/// A value from several rounds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Value {
    /// The median.
    pub median: f64,
    /// The interquartile range, divided by the median: half of the rounds lie within it.
    pub spread: f64,
    /// The largest value.
    pub most: f64,
    /// The number of rounds.
    pub rounds: usize,
}

impl Value {
    /// Summarises rounds; none if there are no rounds.
    pub fn of(rounds: &[f64]) -> Option<Self> {
        let mut sorted = rounds.to_vec();
        sorted.sort_by(f64::total_cmp);
        let last = sorted.len().checked_sub(1)?;
        let at = |part: usize| sorted[last * part / 4];
        let median = at(2);
        Some(Self {
            median,
            spread: round(if median == 0.0 {
                0.0
            } else {
                (at(3) - at(1)) / median
            }),
            most: sorted[last],
            rounds: sorted.len(),
        })
    }
}

/// Rounds a number: more digits are meaningless.
fn round(number: f64) -> f64 {
    (number * 10_000.0).round() / 10_000.0
}

impl Row {
    /// Adds a module's value. The driver's must be added first.
    pub fn add(&mut self, module: &str, value: Value) {
        if module == "driver" {
            self.ours = Some(value);
            return;
        }
        self.peers.insert(module.to_owned(), value);
        if let (Some(ours), Some(theirs)) = (self.of("driver"), self.of(module)) {
            if theirs != 0.0 {
                self.ratio.insert(module.to_owned(), round(ours / theirs));
            }
        }
    }

    /// Returns a module's value: the median or, for reads per second, the largest, because other
    /// load on the machine can only reduce them.
    pub fn of(&self, module: &str) -> Option<f64> {
        let value = match module {
            "driver" => self.ours.as_ref(),
            peer => self.peers.get(peer),
        }?;
        Some(match self.part {
            Part::Throughput => value.most,
            _ => value.median,
        })
    }
}

impl results::Row for Row {
    /// True for the same measure and kernel.
    fn replaces(&self, old: &Self) -> bool {
        self.name == old.name && self.kernel == old.kernel
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::report::results::Row as _;

    #[test]
    fn the_median_and_how_far_apart_the_quarters_are() {
        let value = Value::of(&[9.0, 1.0, 10.0, 11.0, 100.0]).unwrap();
        assert_eq!((value.median, value.spread, value.rounds), (10.0, 0.2, 5));
        assert_eq!(value.most, 100.0);
        assert_eq!(Value::of(&[]), None);
    }

    /// Returns a row with only the driver's value.
    pub fn row(name: &str, kernel: &str, ours: f64) -> Row {
        Row {
            part: Part::Instructions,
            name: name.into(),
            unit: "instructions".into(),
            kernel: kernel.into(),
            compiler: Compilers {
                gcc: "14".into(),
                rustc: "1".into(),
            },
            date: "2026-01-01".into(),
            ours: Value::of(&[ours]),
            peers: BTreeMap::new(),
            ratio: BTreeMap::new(),
        }
    }

    #[test]
    fn a_peer_gets_the_ratio_to_the_driver() {
        let mut row = row("pread", "7", 90.0);
        row.add("plain", Value::of(&[100.0]).unwrap());
        assert_eq!(row.ratio["plain"], 0.9);
    }

    #[test]
    fn of_reads_a_second_the_best_round_counts() {
        let mut row = row("reads-1", "7", 1.0);
        row.part = Part::Throughput;
        row.ours = Value::of(&[10.0, 90.0, 20.0]);
        row.add("plain", Value::of(&[100.0, 50.0]).unwrap());
        assert_eq!(row.ratio["plain"], 0.9);
    }

    #[test]
    fn what_is_measured_again_replaces_what_was() {
        let old = [row("a", "6", 1.0), row("a", "7", 2.0), row("b", "7", 2.0)];
        let new = row("a", "7", 3.0);
        assert_eq!(old.map(|old| new.replaces(&old)), [false, true, false]);
    }
}
