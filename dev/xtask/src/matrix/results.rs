// SPDX-License-Identifier: GPL-2.0-only

//! The matrix's results: `target/matrix/results.json` and `docs/matrix.json`.

use serde::{Deserialize, Serialize};

use crate::debian::kernel::Kernel;
use crate::guest::serial::{Case, Verdict};
use crate::report::results;

use super::build::Built;

/// The result on one kernel.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Row {
    /// The kernel's suite.
    pub suite: String,
    /// The first two numbers of its version.
    pub series: String,
    /// Its flavour.
    pub flavour: String,
    /// Its release.
    pub kernel: String,
    /// The kernel's class, according to dkms-rust.
    pub class: Option<String>,
    /// The way in which the module was built.
    #[serde(default)]
    pub way: Option<String>,
    /// The rustc that built the module.
    pub rustc: Option<String>,
    /// The C compiler that built the kernel.
    pub gcc: Option<String>,
    /// Seconds for `dkms build` with an empty cache.
    pub build_seconds_cold: Option<f64>,
    /// Seconds for `dkms build` with the metadata in the cache.
    pub build_seconds_warm: Option<f64>,
    /// The size of dkms-rust's cache, in MiB.
    pub cache_mib: Option<u64>,
    /// The size of the module, uncompressed.
    pub ko_bytes: Option<usize>,
    /// Cases of the behaviour suite that passed.
    pub passed: usize,
    /// Cases that failed.
    pub failed: usize,
    /// Cases that were skipped.
    pub skipped: usize,
    /// The skipped cases, with the reasons.
    pub skips: Vec<String>,
    /// Why the row is not good.
    pub failure: Option<String>,
    /// The date of the run.
    pub date: String,
}

impl Row {
    /// Returns a row without results.
    pub fn new(kernel: &Kernel, date: &str) -> Self {
        Self {
            suite: kernel.suite.clone(),
            series: kernel.series.clone(),
            flavour: kernel.flavour.clone(),
            kernel: kernel.release.clone(),
            class: None,
            way: None,
            rustc: None,
            gcc: None,
            build_seconds_cold: None,
            build_seconds_warm: None,
            cache_mib: None,
            ko_bytes: None,
            passed: 0,
            failed: 0,
            skipped: 0,
            skips: Vec::new(),
            failure: None,
            date: date.to_owned(),
        }
    }

    /// Records the result of a build.
    pub fn built(&mut self, built: &Built) {
        self.class.clone_from(&built.check.class);
        self.way.clone_from(&built.check.way);
        // Such as `rustc 1.85.1 (4eb161250 2025-03-15) (...)`.
        self.rustc = built
            .check
            .rustc
            .as_ref()
            .and_then(|text| text.split_whitespace().nth(1))
            .map(str::to_owned);
        self.gcc.clone_from(&built.gcc);
        self.build_seconds_cold = built.cold;
        self.build_seconds_warm = built.warm;
        self.cache_mib = built.cache;
        self.ko_bytes = built.module.as_ref().ok().map(Vec::len);
    }

    /// Records the cases that a guest ran.
    pub fn booted(&mut self, cases: &[Case]) {
        for case in cases {
            match &case.verdict {
                Verdict::Passed => self.passed += 1,
                Verdict::Failed(_) => self.failed += 1,
                Verdict::Skipped(why) => {
                    self.skipped += 1;
                    self.skips.push(format!("{}: {why}", case.name));
                }
            }
        }
    }

    /// Summarises its cases.
    pub fn cases(&self) -> String {
        format!(
            "{} passed, {} failed, {} skipped",
            self.passed, self.failed, self.skipped
        )
    }

    /// Returns whether everything succeeded.
    pub fn is_good(&self) -> bool {
        self.failure.is_none() && self.failed == 0 && self.passed > 0
    }

    /// Returns whether the row is for this kernel, or for an earlier one of its series.
    pub fn is_of(&self, kernel: &Kernel) -> bool {
        self.suite == kernel.suite && self.series == kernel.series && self.flavour == kernel.flavour
    }
}

impl results::Row for Row {
    fn replaces(&self, old: &Self) -> bool {
        let key = |row: &Self| [&row.suite, &row.series, &row.flavour].map(String::clone);
        key(self) == key(old)
    }
}

/// Sorts the rows in the order of the available kernels. If all of them were run, drops the rows of
/// kernels that no longer exist.
pub fn arrange(rows: &mut Vec<Row>, offered: &[Kernel], all: bool) {
    let place = |row: &Row| offered.iter().position(|kernel| row.is_of(kernel));
    if all {
        rows.retain(|row| place(row).is_some());
    }
    rows.sort_by_key(|row| place(row).unwrap_or(usize::MAX));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::results::Row as _;

    fn kernel(flavour: &str) -> Kernel {
        Kernel {
            suite: "trixie".into(),
            series: "6.12".into(),
            flavour: flavour.into(),
            version: "1".into(),
            release: format!("6.12.1-{flavour}"),
            before: None,
        }
    }

    #[test]
    fn rows_of_kernels_that_are_gone_stay_until_all_are_run() {
        let [a, b, gone] = ["a", "b", "gone"].map(kernel);
        let rows = [&gone, &b, &a].map(|kernel| Row::new(kernel, "2026-01-01"));
        let flavours = |all| {
            let mut rows = rows.to_vec();
            arrange(&mut rows, &[a.clone(), b.clone()], all);
            let flavours: Vec<_> = rows.into_iter().map(|row| row.flavour).collect();
            flavours.join(" ")
        };
        assert_eq!(flavours(false), "a b gone");
        assert_eq!(flavours(true), "a b");
    }

    #[test]
    fn a_row_takes_the_place_of_one_of_its_series_and_flavour() {
        let [a, b] = ["a", "b"].map(|flavour| Row::new(&kernel(flavour), "2026-01-01"));
        let newer = Kernel {
            release: "6.12.2-a".into(),
            ..kernel("a")
        };
        let newer = Row::new(&newer, "2026-01-02");
        assert!(newer.replaces(&a) && !newer.replaces(&b));
    }

    #[test]
    fn a_row_without_a_case_that_passed_is_not_good() {
        let mut row = Row::new(&kernel("a"), "2026-01-01");
        assert!(!row.is_good());
        row.booted(&[Case {
            name: "x".into(),
            verdict: Verdict::Passed,
        }]);
        assert!(row.is_good());
        row.failure = Some("y".into());
        assert!(!row.is_good());
    }
}
