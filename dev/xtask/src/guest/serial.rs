// SPDX-License-Identifier: GPL-2.0-only

//! Reads a guest's console: the results of its cases, and complaints of its kernel.

use crate::guest::complaints::{RACE, is_elsewhere, is_expected, matches};

/// The start of the first line that a guest's program prints.
pub const BEGIN: &str = "GUEST begin ";
/// The start of a line with the result of a case.
pub const CASE: &str = "CASE ";
/// The start of the last line that a guest's program prints.
pub const END: &str = "GUEST end ";
/// The start of what a guest writes to the kernel's log before each case.
const MARK: &str = "guest: case ";

/// The result of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It behaved as it should.
    Passed,
    /// It did not, for this reason.
    Failed(String),
    /// It was not tried, for this reason.
    Skipped(String),
}

/// A case and its result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// Its name.
    pub name: String,
    /// Its result.
    pub verdict: Verdict,
}

/// A complaint from the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// The case that was running, if any.
    pub case: Option<String>,
    /// The line that describes the complaint best.
    pub line: String,
}

/// Everything that a console says about a run.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The kernel's release, if the guest's program has started.
    pub kernel: Option<String>,
    /// The cases, in the order in which they ended.
    pub cases: Vec<Case>,
    /// The case that started last.
    pub running: Option<String>,
    /// The guest's own counts: passed, failed, skipped.
    pub counted: Option<[usize; 3]>,
    /// Unexpected complaints from the kernel.
    pub complaints: Vec<Complaint>,
    /// Data races among the kernel's own functions. The kernel has some.
    pub races_elsewhere: usize,
}

const CUT: &str = "------------[ cut here ]------------";
const WARNING: &str = "WARNING: ";
const BUG: &str = "kernel BUG at ";
const CUT_END: &str = "---[ end trace";
const RACE_END: &str = "=====";

impl Report {
    /// Reads the text of a console.
    pub fn read(console: &str) -> Self {
        let mut report = Self::default();
        // The lines so far of a complaint that has several.
        let mut block: Option<Vec<&str>> = None;
        let mut before = "";
        for line in console.lines() {
            if let Some(message) = kernel_message(line) {
                if let Some(case) = message.strip_prefix(MARK) {
                    if let Some(block) = block.take() {
                        report.complain(&block);
                    }
                    report.running = Some(case.trim().to_owned());
                }
                block = report.kernel_line(message, before, block);
                before = message;
            } else {
                report.guest_line(line);
            }
        }
        if let Some(block) = block {
            report.complain(&block);
        }
        report
    }

    fn guest_line(&mut self, line: &str) {
        if let Some(rest) = line.strip_prefix(BEGIN) {
            self.kernel = rest
                .split_whitespace()
                .find_map(|w| w.strip_prefix("kernel="))
                .map(str::to_owned);
        } else if let Some(rest) = line.strip_prefix(CASE) {
            self.cases.extend(parse_case(rest));
        } else if let Some(rest) = line.strip_prefix(END) {
            self.counted = parse_counts(rest);
        }
    }

    fn kernel_line<'a>(
        &mut self,
        message: &'a str,
        before: &'a str,
        block: Option<Vec<&'a str>>,
    ) -> Option<Vec<&'a str>> {
        match block {
            Some(mut block) => {
                block.push(message);
                let of_race = block[0].starts_with(RACE) && message.starts_with(RACE_END);
                if of_race || message.starts_with(CUT_END) {
                    self.complain(&block);
                    return None;
                }
                Some(block)
            }
            None if message.starts_with(CUT) || message.starts_with(RACE) => Some(vec![message]),
            // The first line of either may not be shown. The line before says what it is about.
            None if message.starts_with(WARNING) || message.starts_with(BUG) => {
                Some(vec![before, message])
            }
            None => {
                if matches(message) {
                    self.complain(&[message]);
                }
                None
            }
        }
    }

    fn complain(&mut self, block: &[&str]) {
        if is_elsewhere(block) {
            self.races_elsewhere += 1;
            return;
        }
        if !is_expected(self.running.as_deref(), block) {
            let line = block.iter().find(|line| matches(line)).or(block.first());
            self.complaints.push(Complaint {
                case: self.running.clone(),
                line: line.map(|line| (*line).to_owned()).unwrap_or_default(),
            });
        }
    }

    /// Returns what is wrong with the run as a whole, other than failed cases.
    pub fn disagreement(&self) -> Option<String> {
        let count = |wanted: fn(&Verdict) -> bool| {
            self.cases
                .iter()
                .filter(|case| wanted(&case.verdict))
                .count()
        };
        let seen = [
            count(|verdict| *verdict == Verdict::Passed),
            count(|verdict| matches!(verdict, Verdict::Failed(_))),
            count(|verdict| matches!(verdict, Verdict::Skipped(_))),
        ];
        match self.counted {
            Some(counted) if counted != seen => Some(format!(
                "the guest counted {counted:?} (passed, failed, skipped), its console shows {seen:?}"
            )),
            _ => None,
        }
    }
}

/// Returns whether a console line only marks the start of a case.
pub fn is_mark(line: &str) -> bool {
    kernel_message(line).is_some_and(|message| message.starts_with(MARK))
}

/// Returns a kernel message without its time and caller: `[    1.234567][  T123] text`.
fn kernel_message(line: &str) -> Option<&str> {
    let (time, rest) = line.strip_prefix('[')?.split_once(']')?;
    let is_time = |c: char| c.is_ascii_digit() || c == '.' || c == ' ';
    if !time.contains('.') || !time.chars().all(is_time) {
        return None;
    }
    let rest = match rest.strip_prefix('[') {
        Some(caller) => caller.split_once(']')?.1,
        None => rest,
    };
    Some(rest.strip_prefix(' ').unwrap_or(rest))
}

fn parse_case(rest: &str) -> Option<Case> {
    let mut words = rest.splitn(3, ' ');
    let name = words.next()?.to_owned();
    let verdict = words.next()?;
    let detail = words.next().unwrap_or_default().to_owned();
    let verdict = match verdict {
        "ok" => Verdict::Passed,
        "fail" => Verdict::Failed(detail),
        "skip" => Verdict::Skipped(detail),
        _ => Verdict::Failed(format!("the console shows `{rest}`")),
    };
    Some(Case { name, verdict })
}

fn parse_counts(rest: &str) -> Option<[usize; 3]> {
    let count = |name: &str| {
        rest.split_whitespace()
            .find_map(|word| word.strip_prefix(name)?.parse().ok())
    };
    Some([count("passed=")?, count("failed=")?, count("skipped=")?])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::complaints::PATTERNS;

    const TAKEN: &str = "\
[   10.0] guest: case load-directory-taken
[   10.1] ------------[ cut here ]------------
[   10.1] proc_dir_entry '/proc/1999_proc' already registered
[   10.1] WARNING: fs/proc/generic.c:377 at proc_register+0x1
[   10.1] Call Trace:
[   10.1] ---[ end trace 0000000000000000 ]---
CASE load-directory-taken ok
";

    #[test]
    fn cases_and_counts_are_read() {
        let report = Report::read(
            "noise\nGUEST begin kernel=7.3.4+deb13-amd64\nCASE a-b ok\nCASE c fail got 3, wanted 4\n\
             CASE d skip no io_uring\nGUEST end passed=1 failed=1 skipped=1\n",
        );
        assert_eq!(report.kernel.as_deref(), Some("7.3.4+deb13-amd64"));
        let verdicts: Vec<_> = report
            .cases
            .iter()
            .map(|case| case.verdict.clone())
            .collect();
        assert_eq!(
            verdicts,
            [
                Verdict::Passed,
                Verdict::Failed("got 3, wanted 4".into()),
                Verdict::Skipped("no io_uring".into())
            ]
        );
        assert_eq!(report.disagreement(), None);
    }

    #[test]
    fn a_guest_that_counts_other_than_its_console_shows_is_caught() {
        let report = Report::read(
            "GUEST begin kernel=7\nCASE a ok\nGUEST end passed=2 failed=0 skipped=0\n",
        );
        assert!(report.disagreement().is_some());
    }

    #[test]
    fn a_warning_is_one_complaint_and_is_laid_to_the_case_that_ran() {
        let report = Report::read(
            "[    1.0] guest: case read\n[    1.1][   T12] ------------[ cut here ]------------\n\
             [    1.1][   T12] WARNING: a.c:1 at f+0x0\n[    1.1][   T12] Call Trace:\n\
             [    1.1][   T12] ---[ end trace 0 ]---\n",
        );
        assert_eq!(report.complaints.len(), 1);
        assert_eq!(report.complaints[0].case.as_deref(), Some("read"));
        assert!(report.complaints[0].line.starts_with("WARNING: a.c"));
    }

    #[test]
    fn the_kernels_own_warning_is_expected_only_with_the_directory_taken() {
        assert!(Report::read(TAKEN).complaints.is_empty());
        let elsewhere = TAKEN.replace("load-directory-taken", "load-twice");
        assert_eq!(Report::read(&elsewhere).complaints.len(), 1);
        let other = TAKEN.replace("already registered", "is gone");
        assert_eq!(Report::read(&other).complaints.len(), 1);
    }

    #[test]
    fn a_warning_without_its_first_line_is_one_complaint_too() {
        let quiet = TAKEN.replace("[   10.1] ------------[ cut here ]------------\n", "");
        assert!(Report::read(&quiet).complaints.is_empty());
        let elsewhere = quiet.replace("load-directory-taken", "load-twice");
        assert_eq!(Report::read(&elsewhere).complaints.len(), 1);
    }

    #[test]
    fn a_bug_without_its_first_line_is_one_complaint_too() {
        let bug = "[    6.1] guest: case runtime-panic\n\
                   [    6.2] kernel BUG at rust/helpers/bug.c:7!\n\
                   [    6.3] Oops: invalid opcode: 0000 [#1] SMP NOPTI\n\
                   [    6.3] Call Trace:\n[    6.4] ---[ end trace 0000000000000000 ]---\n";
        assert!(Report::read(bug).complaints.is_empty());
        let elsewhere = bug.replace("runtime-panic", "read");
        assert_eq!(Report::read(&elsewhere).complaints.len(), 1);
    }

    #[test]
    fn a_warning_without_a_trace_ends_where_the_next_case_begins() {
        let report = Report::read(
            "[    1.0] guest: case a\n[    1.1] WARNING: x\n[    2.0] guest: case b\n\
             [    2.1] WARNING: y\n[    3.0] guest: case c\n",
        );
        let cases: Vec<_> = report
            .complaints
            .iter()
            .map(|c| c.case.as_deref())
            .collect();
        assert_eq!(cases, [Some("a"), Some("b")]);
    }

    #[test]
    fn a_warning_cut_off_by_the_end_still_counts() {
        let report =
            Report::read("[    1.1] ------------[ cut here ]------------\n[    1.1] BUG: x\n");
        assert_eq!(report.complaints.len(), 1);
    }

    #[test]
    fn a_race_is_one_complaint_unless_both_sides_are_the_kernel_s_own() {
        let race = |functions: &str, frame: &str| {
            Report::read(&format!(
                "[ 1.0] guest: case open\n[ 2.0] =====\n[ 2.1] BUG: KCSAN: data-race in {functions}\n\
                 [ 2.2] \n[ 2.3] read to 0xff of 4 bytes by task 3 on cpu 0:\n[ 2.4]  {frame}\n\
                 [ 2.5] Reported by Kernel Concurrency Sanitizer on:\n\
                 [ 2.6] Tainted: [O]=OOT_MODULE\n[ 2.7] =====\n[ 3.0] fine\n"
            ))
        };
        let elsewhere = race("lookup_slow / d_alloc", "path_openat+0x1/0x2");
        assert_eq!(
            (elsewhere.races_elsewhere, elsewhere.complaints.len()),
            (1, 0)
        );
        for (functions, frame) in [
            ("proc_reg_read / proc_reg_open", "read+0x1/0x2 [procDriver]"),
            ("lookup_slow / read [procDriver]", "read+0x1/0x2"),
            // The other side is unknown.
            ("lookup_slow", "path_openat+0x1/0x2"),
            // A message from another processor in between.
            ("lookup_slow / d_alloc", "BUG: sleeping function called"),
        ] {
            let report = race(functions, frame);
            assert_eq!(
                (report.races_elsewhere, report.complaints.len()),
                (0, 1),
                "{functions}"
            );
            assert_eq!(report.complaints[0].case.as_deref(), Some("open"));
            assert!(report.complaints[0].line.contains(functions));
        }
    }

    #[test]
    fn what_a_program_prints_is_no_complaint_of_the_kernel() {
        assert!(
            Report::read("WARNING: apt does not have a stable CLI interface.\n")
                .complaints
                .is_empty()
        );
        assert!(
            Report::read("[  OK  ] Started BUG: x\n")
                .complaints
                .is_empty()
        );
    }

    #[test]
    fn every_pattern_is_found_in_a_kernel_line() {
        for pattern in PATTERNS {
            let report = Report::read(&format!("[    3.14] xx {pattern} yy\n"));
            assert_eq!(report.complaints.len(), 1, "{pattern}");
        }
    }

    #[test]
    fn the_case_that_runs_is_known_when_the_guest_dies() {
        let report = Report::read("GUEST begin kernel=7\n[    2.0] guest: case unload-busy\n");
        assert_eq!(report.running.as_deref(), Some("unload-busy"));
    }
}
