// SPDX-License-Identifier: GPL-2.0-only

//! What the developer sees: a line a step, with the time since the start.

use std::io::Write;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

static START: OnceLock<Instant> = OnceLock::new();

/// Time since the first line was printed.
pub fn elapsed() -> Duration {
    START.get_or_init(Instant::now).elapsed()
}

/// Prints one line on standard error, with the time since the start before it.
///
/// Standard output stays free for what a program may want to read (paths of what was made).
pub fn say(line: &str) {
    let seconds = elapsed().as_secs_f64();
    // Nobody is left to tell when standard error is closed.
    let _ = if line.is_empty() {
        writeln!(std::io::stderr())
    } else {
        writeln!(std::io::stderr(), "[{seconds:6.1} s] {line}")
    };
}

/// Runs one step: says that it begins and how long it took.
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
