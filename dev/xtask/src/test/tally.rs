// SPDX-License-Identifier: GPL-2.0-only

//! Counts the results of the tests, and prints them at the end.

use std::path::Path;

use anyhow::Result;

use crate::guest::outcome::{End, Outcome};
use crate::guest::serial::{Report, Verdict};
use crate::host::ui;

/// The results so far.
#[derive(Default)]
pub struct Tally {
    passed: usize,
    failed: Vec<(String, String)>,
    skipped: Vec<(String, String)>,
}

impl Tally {
    /// Runs one test.
    pub fn case(&mut self, name: &str, test: impl FnOnce() -> Result<()>) {
        match test() {
            Ok(()) => self.pass(name),
            Err(error) => self.fail(name, &format!("{error:#}")),
        }
    }

    /// Counts a test that passed.
    pub fn pass(&mut self, name: &str) {
        self.passed += 1;
        ui::say(&format!("pass  {name}"));
    }

    /// Counts a failed test, with the reason.
    pub fn fail(&mut self, name: &str, why: &str) {
        ui::say(&format!("FAIL  {name}: {why}"));
        self.failed.push((name.to_owned(), why.to_owned()));
    }

    /// Counts a skipped test, with the reason.
    pub fn skip(&mut self, name: &str, why: &str) {
        ui::say(&format!("skip  {name}: {why}"));
        self.skipped.push((name.to_owned(), why.to_owned()));
    }

    /// Adds the results of another tally.
    pub fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed.extend(other.failed);
        self.skipped.extend(other.skipped);
    }

    /// Runs tests that share a preparation. If the preparation fails, that counts as one failed
    /// test.
    pub fn cases(&mut self, suite: &str, what: &str, work: impl FnOnce(&mut Self) -> Result<()>) {
        if let Err(error) = ui::step(what, || work(self)) {
            self.fail(suite, &format!("{error:#}"));
        }
    }

    /// Counts the results of a guest: each of its cases, and the run as a whole.
    pub fn guest(&mut self, suite: &str, outcome: Result<Outcome>) {
        self.guest_with(suite, outcome, &[]);
    }

    /// Like [`Self::guest`], for a guest in which some cases must make the kernel complain: their
    /// names, and text of the complaints.
    pub fn guest_with(&mut self, suite: &str, outcome: Result<Outcome>, provoked: &[(&str, &str)]) {
        match outcome {
            Ok(outcome) => self.ended(suite, &outcome, provoked),
            Err(error) => self.fail(&format!("{suite}/boot"), &format!("{error:#}")),
        }
    }

    fn ended(&mut self, suite: &str, outcome: &Outcome, provoked: &[(&str, &str)]) {
        let log = outcome.log.display();
        let report = Report::read(&outcome.console);
        for case in &report.cases {
            let name = format!("{suite}/{}", case.name);
            match &case.verdict {
                Verdict::Passed => self.pass(&name),
                Verdict::Failed(why) => self.fail(&name, why),
                Verdict::Skipped(why) => self.skip(&name, why),
            }
        }
        let ended = format!("{suite}/guest-ends");
        match (outcome.end, report.disagreement()) {
            (End::Finished, None) if !report.cases.is_empty() => self.pass(&ended),
            (End::Finished, None) => self.fail(&ended, "it ran no case"),
            (End::Finished, Some(disagreement)) => self.fail(&ended, &disagreement),
            _ => {
                let running = match &report.running {
                    Some(case) => format!("in case {case}: "),
                    None => String::new(),
                };
                self.fail(&ended, &format!("{running}{}", outcome.explain()));
            }
        }
        for (case, says) in provoked {
            let name = format!("{suite}/{case}/seen-from-outside");
            let mut complaints = report.complaints.iter();
            match complaints.any(|c| c.case.as_deref() == Some(case) && c.line.contains(says)) {
                true => self.pass(&name),
                false => self.fail(&name, &format!("no complaint `{says}`: {}", log)),
            }
        }
        let calm = format!("{suite}/kernel-has-no-complaint");
        let mut others = report
            .complaints
            .iter()
            .filter(|complaint| {
                let case = complaint.case.as_deref();
                !provoked.iter().any(|(name, _)| case == Some(name))
            })
            .peekable();
        if others.peek().is_none() {
            self.pass(&calm);
        }
        if report.races_elsewhere > 0 {
            ui::say(&format!(
                "      {suite}: {} data races of the kernel's own, which the driver has no part in: {}",
                report.races_elsewhere, log
            ));
        }
        for complaint in others {
            let case = complaint.case.as_deref().unwrap_or("boot");
            self.fail(
                &calm,
                &format!("during {case}: {} ({})", complaint.line, log),
            );
        }
    }

    /// Prints what failed and what was skipped; the last line counts. Returns true if nothing
    /// failed.
    pub fn finish(&self, logs: &Path) -> bool {
        ui::say("");
        for (name, why) in &self.skipped {
            ui::say(&format!("skipped: {name}: {why}"));
        }
        for (name, why) in &self.failed {
            ui::say(&format!("failed: {name}: {why}"));
        }
        let seconds = ui::elapsed().as_secs_f64();
        ui::say(&format!(
            "all in {seconds:.0} s; logs are in {}",
            logs.display()
        ));
        // Use the same stream as for the lines above, so that this is the last line in every log.
        eprintln!("{}", self.counts());
        self.failed.is_empty()
    }

    fn counts(&self) -> String {
        format!(
            "{} passed, {} failed, {} skipped",
            self.passed,
            self.failed.len(),
            self.skipped.len()
        )
    }
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;

    fn outcome(end: End, console: &str) -> Outcome {
        Outcome {
            end,
            console: console.into(),
            seconds: 1.0,
            log: "log".into(),
        }
    }

    #[test]
    fn each_case_counts_one() {
        let mut tally = Tally::default();
        tally.case("a", || Ok(()));
        tally.case("b", || bail!("no"));
        tally.skip("c", "why");
        assert_eq!(tally.counts(), "1 passed, 1 failed, 1 skipped");
        assert!(!tally.finish(Path::new("logs")));
    }

    #[test]
    fn what_another_counted_is_counted_and_a_failure_of_it_is_one() {
        let (mut tally, mut other) = (Tally::default(), Tally::default());
        tally.pass("a");
        other.pass("b");
        other.skip("c", "why");
        other.fail("d", "no");
        tally.add(other);
        assert_eq!(tally.counts(), "2 passed, 1 failed, 1 skipped");
    }

    #[test]
    fn a_good_guest_passes_its_cases_its_end_and_its_kernel() {
        let mut tally = Tally::default();
        let console = "GUEST begin kernel=7\nCASE a ok\nGUEST end passed=1 failed=0 skipped=0\n";
        tally.guest("s", Ok(outcome(End::Finished, console)));
        assert_eq!(tally.counts(), "3 passed, 0 failed, 0 skipped");
    }

    #[test]
    fn a_guest_that_runs_no_case_fails() {
        let mut tally = Tally::default();
        let console = "GUEST begin kernel=7\nGUEST end passed=0 failed=0 skipped=0\n";
        tally.guest("s", Ok(outcome(End::Finished, console)));
        assert_eq!(tally.failed.len(), 1);
    }

    #[test]
    fn a_complaint_that_has_to_come_is_missed_and_another_case_s_is_not_excused() {
        let console = "GUEST begin kernel=7\n[    1.0] guest: case a\n[    1.1] BUG: x\nCASE a ok\n\
                       [    2.0] guest: case b\n[    2.1] BUG: y\nCASE b ok\n\
                       GUEST end passed=2 failed=0 skipped=0\n";
        let failed = |provoked: &[(&str, &str)]| {
            let mut tally = Tally::default();
            tally.guest_with("s", Ok(outcome(End::Finished, console)), provoked);
            tally.failed.len()
        };
        assert_eq!(failed(&[("a", "BUG: x"), ("b", "BUG: y")]), 0);
        assert_eq!(failed(&[("a", "BUG: x")]), 1);
        assert_eq!(failed(&[("a", "BUG: z"), ("b", "BUG: y")]), 1);
    }

    #[test]
    fn a_guest_that_did_not_boot_fails_even_without_cases() {
        let mut tally = Tally::default();
        tally.guest("s", Ok(outcome(End::DidNotBoot, "")));
        assert_eq!(tally.failed.len(), 1);
    }
}
