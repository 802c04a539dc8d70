// SPDX-License-Identifier: GPL-2.0-only

//! The lines that whoever started the guest reads on the console.

use crate::kmsg;

/// How a case ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// All it claims is so.
    Passed,
    /// Something is not so: what was tried and seen.
    Failed(String),
    /// It can't be tried on this kernel: why.
    Skipped(String),
}

/// How many cases ended how.
#[derive(Debug, Default)]
pub struct Tally {
    passed: u32,
    failed: u32,
    skipped: u32,
}

impl Tally {
    /// Counts one more.
    pub fn count(&mut self, verdict: &Verdict) {
        match verdict {
            Verdict::Passed => self.passed += 1,
            Verdict::Failed(_) => self.failed += 1,
            Verdict::Skipped(_) => self.skipped += 1,
        }
    }

    /// The last line of a run that came to its end.
    pub fn end(&self) -> String {
        format!(
            "GUEST end passed={} failed={} skipped={}",
            self.passed, self.failed, self.skipped
        )
    }
}

/// The first line of a run.
pub fn begin(kernel: &str) -> String {
    format!("GUEST begin kernel={kernel}")
}

/// The line of a case that ended.
pub fn case(name: &str, verdict: &Verdict) -> String {
    match verdict {
        Verdict::Passed => format!("CASE {name} ok"),
        Verdict::Failed(detail) => format!("CASE {name} fail {}", one_line(detail)),
        Verdict::Skipped(why) => format!("CASE {name} skip {}", one_line(why)),
    }
}

/// The text without line breaks and not longer than a log record holds with room for the rest.
pub fn one_line(text: &str) -> String {
    const LONGEST: usize = 450;
    let words: Vec<&str> = text.split_whitespace().collect();
    let line: String = words.join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((cut, _)) => format!("{}...", &line[..cut]),
        None => line,
    }
}

/// Says a line on the console.
///
/// It goes there through the kernel's log, as a record among the kernel's own. Written to the
/// terminal instead it would race with them: newer kernels print their log from a thread, and it
/// may come out in the middle of a line.
///
/// The kernel puts the time before it; the line takes that place back, as its readers look for it
/// in the first column.
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
