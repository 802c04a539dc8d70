// SPDX-License-Identifier: GPL-2.0-only

//! How a guest's run ended, according to its console.

use std::path::PathBuf;

use crate::guest::serial;
use crate::host::output::last_lines;
use crate::host::ui;

/// How a guest ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Its program never reported its start.
    DidNotBoot,
    /// It started, and the machine was gone before it reported its end.
    Crashed,
    /// It started, and was killed when its time was up.
    TimedOut,
    /// It reported its end.
    Finished,
}

/// The result of a guest.
pub struct Outcome {
    /// How it ended.
    pub end: End,
    /// Everything from the console.
    pub console: String,
    /// How long it ran.
    pub seconds: f64,
    /// The log of its console.
    pub log: PathBuf,
}

impl Outcome {
    /// Describes how the guest ended, with the last lines of its console.
    pub fn explain(&self) -> String {
        let what = match self.end {
            End::DidNotBoot => "the guest did not boot",
            End::Crashed => "the guest crashed",
            End::TimedOut => "the guest did not end in time",
            End::Finished => "the guest ended",
        };
        let mut text = format!(
            "{what} after {:.0} s; its console: {}",
            self.seconds,
            self.log.display()
        );
        for line in last_lines(&self.console, 15) {
            text.push_str("\n    ");
            text.push_str(line);
        }
        text
    }
}

/// Returns a function that shows each case of a guest when it ends. `who` is a prefix to tell
/// guests apart.
pub fn show_cases(who: &str) -> impl FnMut(&str) {
    let before = match who {
        "" => String::new(),
        who => format!("{who}: "),
    };
    move |line| {
        if let Some(case) = line.strip_prefix(serial::CASE) {
            ui::say(&format!("  {before}{case}"));
        }
    }
}

/// Which of the guest's marks have been seen.
#[derive(Default)]
pub struct Seen {
    begin: bool,
    end: bool,
}

/// A line in which the guest's program reports its progress.
pub enum Mark {
    /// It starts.
    Begin,
    /// It ends.
    End,
}

impl Seen {
    /// Looks for a mark in a line. Returns each kind of mark only the first time.
    pub fn look(&mut self, line: &str) -> Option<Mark> {
        if !self.begin && line.starts_with(serial::BEGIN) {
            self.begin = true;
            return Some(Mark::Begin);
        }
        if self.begin && !self.end && line.starts_with(serial::END) {
            self.end = true;
            return Some(Mark::End);
        }
        None
    }

    /// Returns how the guest ended, given the marks seen.
    pub fn end(&self, killed: bool) -> End {
        match (self.begin, self.end, killed) {
            (_, true, _) => End::Finished,
            (false, ..) => End::DidNotBoot,
            (true, false, true) => End::TimedOut,
            (true, false, false) => End::Crashed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end_of(lines: &[&str], killed: bool) -> End {
        let mut seen = Seen::default();
        for line in lines {
            seen.look(line);
        }
        seen.end(killed)
    }

    #[test]
    fn a_guest_that_never_began_did_not_boot() {
        assert_eq!(
            end_of(&["[    0.0] Linux version 7"], false),
            End::DidNotBoot
        );
        assert_eq!(
            end_of(&["[    0.0] Linux version 7"], true),
            End::DidNotBoot
        );
    }

    #[test]
    fn a_guest_that_began_and_went_away_crashed() {
        assert_eq!(
            end_of(&["GUEST begin kernel=7", "CASE a ok"], false),
            End::Crashed
        );
    }

    #[test]
    fn a_guest_that_began_and_was_killed_timed_out() {
        assert_eq!(end_of(&["GUEST begin kernel=7"], true), End::TimedOut);
    }

    #[test]
    fn a_guest_that_said_its_end_finished_however_it_was_switched_off() {
        let lines = [
            "GUEST begin kernel=7",
            "GUEST end passed=0 failed=0 skipped=0",
        ];
        assert_eq!(end_of(&lines, true), End::Finished);
        assert_eq!(end_of(&lines, false), End::Finished);
    }
}
