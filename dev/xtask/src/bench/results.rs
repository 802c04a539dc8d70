// SPDX-License-Identifier: GPL-2.0-only

//! The benchmark's results: `target/bench/results.json`. What the fields mean is in
//! `docs/benchmark.md`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

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
}

impl Part {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Instructions => "instructions",
            Self::Throughput => "throughput",
            Self::Costs => "costs",
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

    /// Whether it is of the same measure and kernel.
    pub fn is_of(&self, other: &Self) -> bool {
        self.name == other.name && self.kernel == other.kernel
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

/// Reads results; there may be none yet.
pub fn read(path: &Path) -> Result<Vec<Row>> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text)
        .with_context(|| format!("{} is of another version: remove it", path.display()))
}

/// Writes them.
pub fn write(path: &Path, rows: &[Row]) -> Result<()> {
    let text = serde_json::to_string_pretty(rows).context("the results as JSON")?;
    fs::write(path, text + "\n").with_context(|| format!("cannot write {}", path.display()))
}

/// The new rows, and of the old ones those that were not measured again.
pub fn merge(old: Vec<Row>, new: &[Row]) -> Vec<Row> {
    let again = |row: &Row| new.iter().any(|new| new.is_of(row));
    let old = old.into_iter().filter(|row| !again(row));
    let mut all: Vec<Row> = new.iter().cloned().chain(old).collect();
    all.sort_by_key(|row| row.part);
    all
}

#[cfg(test)]
pub mod tests {
    use super::*;

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
        let old = vec![row("a", "6", 1.0), row("a", "7", 2.0)];
        let rows = merge(old, &[row("a", "7", 3.0)]);
        let ours: Vec<f64> = rows.iter().map(|row| row.ours.unwrap().median).collect();
        assert_eq!(ours, [3.0, 1.0]);
    }
}
