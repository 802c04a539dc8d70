// SPDX-License-Identifier: GPL-2.0-only

//! The one place that runs other programs.

use anyhow::{Context, Result, bail};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

/// How many of its last lines are shown of a command that failed.
const LAST_LINES: usize = 25;

/// What a command prints to its standard output, trimmed; `None` if it can't be run or fails.
pub fn answer(command: &mut Command) -> Option<String> {
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

/// Runs a command with all that it prints going to the file `log`.
///
/// # Errors
///
/// If it can't be run or fails; the error ends with its last lines.
pub fn logged(command: &mut Command, log: &Path) -> Result<()> {
    let file = File::create(log).with_context(|| format!("can't write {}", log.display()))?;
    let errors = file.try_clone()?;
    let status = command
        .stdin(Stdio::null())
        .stdout(file)
        .stderr(errors)
        .status()
        .with_context(|| format!("can't run {}", name(command)))?;
    if !status.success() {
        let lines = last_lines(log).unwrap_or_default();
        bail!(
            "{} failed ({status}); its last lines:\n{lines}",
            name(command)
        );
    }
    Ok(())
}

/// Says on standard error what is being done, does it, and says how long it took.
///
/// # Errors
///
/// Those of `work`.
pub fn step<T>(what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    eprintln!("dkms-rust: {what} ...");
    let start = Instant::now();
    let result = work();
    let seconds = start.elapsed().as_secs_f64();
    match &result {
        Ok(_) => eprintln!("dkms-rust: {what}: done in {seconds:.1} s"),
        Err(_) => eprintln!("dkms-rust: {what}: failed after {seconds:.1} s"),
    }
    result
}

fn name(command: &Command) -> String {
    command.get_program().to_string_lossy().into_owned()
}

fn last_lines(log: &Path) -> Option<String> {
    let mut last = VecDeque::with_capacity(LAST_LINES);
    for line in BufReader::new(File::open(log).ok()?).lines() {
        if last.len() == LAST_LINES {
            last.pop_front();
        }
        last.push_back(format!("  {}", line.ok()?));
    }
    Some(Vec::from(last).join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_ends_with_the_last_lines_only() {
        let dir = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "seq 1 100; echo why >&2; exit 3"]);
        let error = logged(&mut command, &dir.path().join("log"))
            .unwrap_err()
            .to_string();
        assert!(error.contains("exit status: 3"), "{error}");
        assert!(error.ends_with("  100\n  why"), "{error}");
        assert!(!error.contains("  50\n"), "{error}");
    }

    #[test]
    fn a_command_that_is_not_there_is_no_answer() {
        assert_eq!(answer(&mut Command::new("/nonexistent/rustc")), None);
        assert_eq!(answer(Command::new("echo").arg(" hi ")), Some("hi".into()));
        assert_eq!(answer(&mut Command::new("false")), None);
    }
}
