// SPDX-License-Identifier: GPL-2.0-only

//! How a command ended, and checks on that.

use std::fmt::Write as _;
use std::process::ExitStatus;

use anyhow::{Context, Result, bail, ensure};
use regex::Regex;

/// How many lines of a failed command's output are shown.
const TAIL: usize = 25;

/// How a command ended.
pub struct Output {
    /// The exit status.
    pub status: ExitStatus,
    /// Standard output and standard error, in the order they came.
    pub text: String,
    /// How long it ran.
    pub seconds: f64,
}

impl Output {
    /// Returns an error that shows the last lines, unless the exit status is 0.
    pub fn must_succeed(self, what: &str) -> Result<Self> {
        if self.status.success() {
            return Ok(self);
        }
        bail!("{what}: {}{}", self.status, self.tail())
    }

    /// Returns an error unless the exit status is `exit`.
    pub fn must_end_with(&self, exit: i32) -> Result<()> {
        ensure!(
            self.status.code() == Some(exit),
            "ended with {}, wanted status {exit}; it said:{}",
            self.status,
            self.tail()
        );
        Ok(())
    }

    /// Returns an error if the output does not match this pattern.
    pub fn must_say(&self, pattern: &str) -> Result<()> {
        let wanted = Regex::new(pattern).with_context(|| format!("`{pattern}` is no pattern"))?;
        ensure!(
            wanted.is_match(&self.text),
            "did not say `{pattern}` but:{}",
            self.tail()
        );
        Ok(())
    }

    /// Returns the last lines of the output, indented, each on its own line.
    fn tail(&self) -> String {
        let mut text = String::new();
        for line in last_lines(&self.text, TAIL) {
            // Writing to a String cannot fail.
            let _ = write!(text, "\n    {line}");
        }
        text
    }
}

/// Returns the last lines of a text.
pub fn last_lines(text: &str, count: usize) -> impl Iterator<Item = &str> {
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(count);
    lines.into_iter().skip(from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_lines_gives_no_more_than_asked() {
        assert_eq!(last_lines("1\n2\n3\n", 2).collect::<Vec<_>>(), ["2", "3"]);
    }
}
