// SPDX-License-Identifier: GPL-2.0-only

//! The benchmark's results: `target/bench/results.json`, and `docs/benchmark.json`. What the fields mean is in
//! `docs/benchmark.md`.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use crate::report::results;

/// A part of the benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// Instructions of calls, of loading and unloading; what a module takes of memory
    Instructions,
    /// Reads a second, with one reader and with two, with and without somebody who writes
    Throughput,
    /// Building by dkms, sizes, apt install
    Costs,
    /// What apt downloads and unpacks, by its own sums
    Apt,
}

impl Part {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Instructions => "instructions",
            Self::Throughput => "throughput",
            Self::Costs => "costs",
            Self::Apt => "apt",
        }
    }
}

/// What a measure came to on a kernel, for the driver and its peers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Row {
    /// The part of the benchmark.
    pub part: Part,
    /// The measure.
    pub name: String,
    /// What it is counted in.
    pub unit: String,
    /// The kernel's release.
    pub kernel: String,
    /// Who built the modules.
    pub compiler: Compilers,
    /// The day.
    pub date: String,
    /// The driver's; none where it has no part in it.
    pub ours: Option<Value>,
    /// Each peer's, by its name.
    pub peers: BTreeMap<String, Value>,
    /// The driver's by each peer's.
    pub ratio: BTreeMap<String, f64>,
}

/// The compilers of a kernel.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Compilers {
    /// C's, which built the kernel and the peers.
    pub gcc: String,
    /// Rust's, which built the driver.
    pub rustc: String,
}

/// Of several rounds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Value {
    /// The one in the middle.
    pub median: f64,
    /// How far apart the quarters are, by the median: half of the rounds lie within that.
    pub spread: f64,
    /// The largest.
    pub most: f64,
    /// How many rounds.
    pub rounds: usize,
}

impl Value {
    /// None of no rounds.
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

/// More digits say nothing.
fn round(number: f64) -> f64 {
    (number * 10_000.0).round() / 10_000.0
}

impl Row {
    /// Notes what a module came to; the driver comes first.
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

    /// What a module came to: the median; of reads a second the largest, since whatever else the
    /// machine does only takes from them.
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
    /// Of the same measure and kernel.
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

    /// One with the driver's value alone.
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
