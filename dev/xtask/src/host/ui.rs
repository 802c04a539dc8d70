// SPDX-License-Identifier: GPL-2.0-only

//! Output for the developer: one line per step, with the time since the start.

use std::io::Write;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

static START: OnceLock<Instant> = OnceLock::new();

/// Returns the time since the first line was printed.
pub fn elapsed() -> Duration {
    START.get_or_init(Instant::now).elapsed()
}

/// Prints a line to standard error, prefixed with the time since the start.
///
/// Standard output is reserved for what other programs may read (paths of the results).
pub fn say(line: &str) {
    let seconds = elapsed().as_secs_f64();
    // Ignore errors: if standard error is closed, nobody is left to tell.
    let _ = if line.is_empty() {
        writeln!(std::io::stderr())
    } else {
        writeln!(std::io::stderr(), "[{seconds:6.1} s] {line}")
    };
}

/// Runs a step, and prints its start, its result and its duration.
pub fn step<T, E>(what: &str, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    say(&format!("{what} ..."));
    let begin = Instant::now();
    let result = work();
    let verdict = if result.is_ok() { "done" } else { "failed" };
    say(&format!(
        "{what}: {verdict} in {:.1} s",
        begin.elapsed().as_secs_f64()
    ));
    result
}
