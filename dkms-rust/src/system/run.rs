// SPDX-License-Identifier: GPL-2.0-only

//! Runs other programs.

use crate::system::bounded;
use crate::system::child::{Group, Stopped, interrupted};
use crate::system::print::tell;
use crate::system::said::{first_error, was_killed, would_fail_again};
use crate::system::search::path_variable;
use anyhow::{Context, Result, anyhow, bail};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use std::env;
use std::fmt;
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How long an answer may take, and how large it may be.
const PATIENCE: Duration = Duration::from_secs(60);
const LARGEST: u64 = 64 << 20;

/// The environment variable with the time limit of a build in seconds; 0 means no limit.
pub const LIMIT: &str = "DKMS_RUST_TIMEOUT";

/// The default time limit. On the slowest machine that was tried, one that QEMU emulates, a rebuild
/// takes half of it.
const USUAL_LIMIT: Duration = Duration::from_secs(3600);

/// Returns the time limit of a build. It ends a compiler or a module's make that hangs.
fn limit() -> Option<Duration> {
    limit_of(env::var(LIMIT).ok().as_deref())
}

fn limit_of(variable: Option<&str>) -> Option<Duration> {
    match variable.and_then(|text| text.parse().ok()) {
        Some(0) => None,
        Some(seconds) => Some(Duration::from_secs(seconds)),
        None => Some(USUAL_LIMIT),
    }
}

/// Returns what a command prints to its standard output, trimmed, or `None` if it can't be run,
/// fails, or takes too long. The command runs in `/` and without the caller's environment, so that
/// nothing there changes the answer.
pub fn answer(command: &mut Command) -> Option<String> {
    answer_within(command, PATIENCE)
}

fn answer_within(command: &mut Command, patience: Duration) -> Option<String> {
    command
        .current_dir("/")
        .env_clear()
        .env("PATH", path_variable())
        .env("LC_ALL", "C")
        // A compiler behind ccache would look for its cache directory.
        .env("CCACHE_DISABLE", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut group = Group::spawn(command).ok()?;
    let said = hear(&mut group, patience);
    // What the command left running has nothing more to say.
    match said {
        Ok(_) => group.sweep().filter(ExitStatus::success)?,
        Err(_) => {
            group.end();
            return None;
        }
    };
    let text = String::from_utf8(said.ok()?).ok()?;
    Some(text.trim().to_owned())
}

/// Reads all that a child prints until it ends.
fn hear(group: &mut Group, patience: Duration) -> Result<Vec<u8>> {
    let end = Instant::now() + patience;
    let mut pipe = group.stdout().context("it has no output")?;
    fcntl_setfl(&pipe, fcntl_getfl(&pipe)? | OFlags::NONBLOCK)?;
    let mut said = Vec::new();
    let mut open = true;
    loop {
        let left = end.checked_duration_since(Instant::now());
        let left = left.context(Stopped::TooLong(patience))?;
        let also = [pipe.as_fd()];
        let also = if open { &also[..] } else { &[] };
        let ready = group.ready(also, Some(left))?;
        if open {
            match (&mut pipe).take(LARGEST).read_to_end(&mut said) {
                Ok(_) => open = false,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
        }
        if said.len() as u64 >= LARGEST {
            bail!("it printed too much");
        }
        if ready.ended {
            return Ok(said);
        }
        if interrupted() {
            return Err(Stopped::Interrupted.into());
        }
    }
}

/// Runs a command to its end. Its output goes where the caller's output goes. Does not wait for
/// processes that it leaves running.
///
/// # Errors
///
/// If it can't be run, takes longer than [`LIMIT`] says, or the user interrupts it.
pub fn status(command: &mut Command, name: &str) -> Result<ExitStatus> {
    let can_t = || format!("can't run {name}");
    let mut group = Group::spawn(command.stdin(Stdio::null())).with_context(can_t)?;
    group.wait(limit()).map_err(|why| match why {
        Stopped::TooLong(_) => anyhow!("{name} was stopped: {why} ({LIMIT} sets it)"),
        Stopped::Interrupted => why.into(),
    })?;
    group.leave().with_context(can_t)
}

/// A command that failed, and where its output is.
#[derive(Debug)]
pub struct Failed {
    how: String,
    lines: Vec<String>,
    killed: bool,
    /// The file with its whole output.
    pub log: PathBuf,
    /// Whether it would fail again: not if the disk was full or memory ran out.
    pub again: bool,
}

impl Failed {
    /// Returns the first thing that went wrong, in one line.
    pub fn first(&self) -> &str {
        self.lines
            .first()
            .map_or("it printed nothing", String::as_str)
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}. The first errors:", self.how)?;
        for line in &self.lines {
            writeln!(f, "  {line}")?;
        }
        if self.killed {
            writeln!(f, "A compiler was killed, probably because memory ran out.")?;
        }
        write!(f, "The complete log is in {}", self.log.display())
    }
}

impl std::error::Error for Failed {}

/// Runs a command and writes its output to the file `log`, which is kept only if the command fails
/// or takes too long.
///
/// # Errors
///
/// If it can't be run, or the user interrupts it; or, as [`Failed`], if it fails or takes too long.
pub fn logged(command: &mut Command, name: &str, log: &Path) -> Result<()> {
    logged_within(command, name, log, limit())
}

fn logged_within(
    command: &mut Command,
    name: &str,
    log: &Path,
    limit: Option<Duration>,
) -> Result<()> {
    let file = File::create(log).with_context(|| format!("can't write {}", log.display()))?;
    let errors = file.try_clone()?;
    command.stdin(Stdio::null()).stdout(file).stderr(errors);
    let mut group = Group::spawn(command).with_context(|| format!("can't run {name}"))?;
    let mut in_time = true;
    let how = match group.wait(limit) {
        Ok(()) => {
            let status = group.sweep().context("can't tell how it ended")?;
            if status.success() {
                fs::remove_file(log).ok();
                return Ok(());
            }
            format!("failed ({status})")
        }
        Err(Stopped::TooLong(limit)) => {
            // A longer limit may be enough. The usual one is long enough for any machine.
            in_time = limit >= USUAL_LIMIT;
            let seconds = limit.as_secs();
            format!("was stopped after {seconds} s ({LIMIT} sets the limit)")
        }
        Err(Stopped::Interrupted) => {
            fs::remove_file(log).ok();
            return Err(Stopped::Interrupted.into());
        }
    };
    let said = bounded::log(log);
    Err(Failed {
        how: format!("{name} {how}"),
        lines: first_error(&said).into_iter().map(str::to_owned).collect(),
        killed: said.lines().any(was_killed),
        log: log.to_owned(),
        again: in_time && would_fail_again(&said),
    }
    .into())
}

/// Prints on standard error what is being done, does it, and prints how long it took.
///
/// # Errors
///
/// Those of `work`.
pub fn step<T>(what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    tell(format_args!("{what} ..."));
    let start = Instant::now();
    let result = work();
    let seconds = start.elapsed().as_secs_f64();
    match &result {
        Ok(_) => tell(format_args!("{what}: done in {seconds:.1} s")),
        Err(_) => tell(format_args!("{what}: failed after {seconds:.1} s")),
    }
    result
}

#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;
