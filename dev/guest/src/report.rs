// SPDX-License-Identifier: GPL-2.0-only

//! The lines on the console that the host reads.

use crate::kmsg;

/// How a case ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// All that the case checks is right.
    Passed,
    /// Something is wrong: what was tried and seen.
    Failed(String),
    /// The case can't run on this kernel: the reason.
    Skipped(String),
}

/// The number of cases with each verdict.
#[derive(Debug, Default)]
pub struct Tally {
    passed: u32,
    failed: u32,
    skipped: u32,
}

impl Tally {
    /// Counts one more verdict.
    pub fn count(&mut self, verdict: &Verdict) {
        match verdict {
            Verdict::Passed => self.passed += 1,
            Verdict::Failed(_) => self.failed += 1,
            Verdict::Skipped(_) => self.skipped += 1,
        }
    }

    /// Returns the last line of a complete run.
    pub fn end(&self) -> String {
        format!(
            "GUEST end passed={} failed={} skipped={}",
            self.passed, self.failed, self.skipped
        )
    }
}

/// Returns the first line of a run.
pub fn begin(kernel: &str) -> String {
    format!("GUEST begin kernel={kernel}")
}

/// Returns the line for a case that ended.
pub fn case(name: &str, verdict: &Verdict) -> String {
    match verdict {
        Verdict::Passed => format!("CASE {name} ok"),
        Verdict::Failed(detail) => format!("CASE {name} fail {}", one_line(detail)),
        Verdict::Skipped(why) => format!("CASE {name} skip {}", one_line(why)),
    }
}

/// Joins the text into one line, and cuts it so that it fits into a log record with the rest.
pub fn one_line(text: &str) -> String {
    const LONGEST: usize = 450;
    let words: Vec<&str> = text.split_whitespace().collect();
    let line: String = words.join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((cut, _)) => format!("{}...", &line[..cut]),
        None => line,
    }
}

/// Prints a line on the console.
///
/// The line goes there through the kernel log, as a record among the kernel's own. If it were
/// written to the terminal it would race with them: newer kernels print their log from a thread,
/// whose output may appear in the middle of a line.
///
/// The kernel prints the time in front of a record. The line overwrites it, because the host
/// expects the line in the first column.
pub fn say(line: &str) {
    const FROM_THE_FIRST_COLUMN: &str = "\r\x1b[K";
    if !kmsg::say(&format!("{FROM_THE_FIRST_COLUMN}{line}")) {
        println!("{line}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_the_case_ended() {
        assert_eq!(case("a-b", &Verdict::Passed), "CASE a-b ok");
        let failed = Verdict::Failed("wanted 6,\n got 7".into());
        assert_eq!(case("a-b", &failed), "CASE a-b fail wanted 6, got 7");
        let skipped = Verdict::Skipped("no io_uring".into());
        assert_eq!(case("a-b", &skipped), "CASE a-b skip no io_uring");
    }

    #[test]
    fn the_end_counts_every_verdict() {
        let mut tally = Tally::default();
        tally.count(&Verdict::Passed);
        tally.count(&Verdict::Passed);
        tally.count(&Verdict::Failed(String::new()));
        tally.count(&Verdict::Skipped(String::new()));
        assert_eq!(tally.end(), "GUEST end passed=2 failed=1 skipped=1");
    }

    #[test]
    fn a_long_detail_is_cut_between_characters() {
        let line = one_line(&"ö".repeat(5000));
        assert!(line.ends_with("..."));
        assert!(line.len() < 1000);
    }
}
