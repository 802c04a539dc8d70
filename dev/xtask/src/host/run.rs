// SPDX-License-Identifier: GPL-2.0-only

//! Runs all external commands of this program. Logs their output, shows its last lines on failure,
//! and lets none of them outlive this program.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Signal, set_parent_process_death_signal};

use crate::host::files;
use crate::host::output::Output;

/// A command that is about to run.
pub struct Cmd {
    inner: Command,
    log: Option<PathBuf>,
}

impl Cmd {
    /// Makes a command whose standard input is empty.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        let mut inner = Command::new(program);
        inner.stdin(Stdio::null());
        die_with_parent(&mut inner);
        Self { inner, log: None }
    }

    /// Adds an argument.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.inner.arg(arg);
        self
    }

    /// Adds arguments.
    pub fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.inner.args(args);
        self
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.inner.env(name, value);
        self
    }

    /// Removes an environment variable.
    pub fn env_remove(mut self, name: &str) -> Self {
        self.inner.env_remove(name);
        self
    }

    /// Sets the working directory.
    pub fn dir(mut self, dir: &Path) -> Self {
        self.inner.current_dir(dir);
        self
    }

    /// Appends all output to this file.
    pub fn log(mut self, log: &Path) -> Self {
        self.log = Some(log.to_path_buf());
        self
    }

    /// Runs the command. Any exit status but 0 is an error, which shows the last lines.
    pub fn run(self) -> Result<Output> {
        let what = self.describe();
        let log = self.log.clone();
        let output = self.try_run()?.must_succeed(&what);
        match log {
            Some(log) => output.with_context(|| format!("all of it is in {}", log.display())),
            None => output,
        }
    }

    /// Runs the command and returns how it ended, whatever the exit status.
    pub fn try_run(self) -> Result<Output> {
        self.stream(&mut |_| {})
    }

    /// Runs the command and passes on each line as it arrives.
    pub fn stream(mut self, on_line: &mut dyn FnMut(&str)) -> Result<Output> {
        let what = self.describe();
        let mut log = self
            .log
            .as_deref()
            .map(|path| open_log(path, &what))
            .transpose()?;
        // Use one pipe for both streams to keep the order of the lines.
        let (reader, writer) = pipe_with(PipeFlags::CLOEXEC).context("cannot make a pipe")?;
        let reader = File::from(reader);
        let second = writer.try_clone().context("cannot make a pipe")?;
        self.inner.stdout(writer).stderr(second);
        let begin = Instant::now();
        let mut child = self
            .inner
            .spawn()
            .with_context(|| format!("cannot run {what}"))?;
        // The Command still holds the write ends, which would keep the pipe open.
        drop(self.inner);
        let mut text = String::new();
        let mut lines = BufReader::new(reader);
        let mut raw = Vec::new();
        loop {
            raw.clear();
            if lines
                .read_until(b'\n', &mut raw)
                .context("cannot read a command's output")?
                == 0
            {
                break;
            }
            let line = String::from_utf8_lossy(&raw);
            let line = line.trim_end_matches(['\n', '\r']);
            if let Some(log) = &mut log {
                writeln!(log, "{line}").context("cannot write a log")?;
            }
            on_line(line);
            text.push_str(line);
            text.push('\n');
        }
        let status = child
            .wait()
            .with_context(|| format!("cannot wait for {what}"))?;
        let seconds = begin.elapsed().as_secs_f64();
        if let Some(log) = &mut log {
            writeln!(log, "# {status}, {seconds:.1} s\n").context("cannot write a log")?;
        }
        Ok(Output {
            status,
            text,
            seconds,
        })
    }

    /// Runs the command and returns only its standard output. Standard error is shown only on
    /// failure.
    pub fn stdout(mut self) -> Result<String> {
        let what = self.describe();
        let output = self
            .inner
            .output()
            .with_context(|| format!("cannot run {what}"))?;
        if !output.status.success() {
            bail!(
                "{what}: {}\n{}",
                output.status,
                String::from_utf8_lossy(&output.stderr).trim_end()
            );
        }
        String::from_utf8(output.stdout).with_context(|| format!("{what} did not write UTF-8"))
    }

    /// Returns the underlying `Command`, for callers that must watch it themselves.
    pub fn into_inner(self) -> Command {
        self.inner
    }

    fn describe(&self) -> String {
        let mut text = self.inner.get_program().to_string_lossy().into_owned();
        for arg in self.inner.get_args() {
            text.push(' ');
            text.push_str(&arg.to_string_lossy());
        }
        text
    }
}

fn open_log(path: &Path, what: &str) -> Result<File> {
    if let Some(dir) = path.parent() {
        files::make_dir(dir)?;
    }
    let mut log = OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .with_context(|| format!("cannot open the log {}", path.display()))?;
    writeln!(log, "# {what}").context("cannot write a log")?;
    Ok(log)
}

/// Copies a file, or a directory with all its contents, with owners, modes and times.
pub fn copy_all(from: &Path, to: &Path) -> Result<()> {
    Cmd::new("cp")
        .args(["-a", "-T"])
        .args([from, to])
        .run()
        .map(drop)
}

/// Asks the kernel to kill the command when the thread that started it ends. Every caller waits for
/// its command in that thread, so this only takes effect if xtask itself dies.
fn die_with_parent(command: &mut Command) {
    let hook = || set_parent_process_death_signal(Some(Signal::KILL)).map_err(Into::into);
    // SAFETY:
    // - The hook runs between fork and exec, where only async-signal-safe calls are allowed: it
    //   makes one system call (prctl) and allocates nothing.
    unsafe {
        command.pre_exec(hook);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_command_ended_with_and_said_is_judged() {
        let output = Cmd::new("sh")
            .args(["-c", "echo kernel 7.3; exit 77"])
            .try_run()
            .unwrap();
        output.must_end_with(77).unwrap();
        output.must_say("kernel [0-9.]+\n").unwrap();
        let error = output.must_end_with(0).unwrap_err().to_string();
        assert!(
            error.ends_with("wanted status 0; it said:\n    kernel 7.3"),
            "{error}"
        );
        let error = output.must_say("^other").unwrap_err().to_string();
        assert_eq!(error, "did not say `^other` but:\n    kernel 7.3");
        assert!(output.must_say("(").is_err());
    }

    #[test]
    fn both_streams_come_in_order_and_the_status_is_kept() {
        let output = Cmd::new("sh")
            .args(["-c", "echo a; echo b >&2; echo c; exit 3"])
            .try_run()
            .unwrap();
        assert_eq!(output.text, "a\nb\nc\n");
        assert_eq!(output.status.code(), Some(3));
    }

    #[test]
    fn a_failure_shows_the_command_and_its_last_lines() {
        let error = Cmd::new("sh")
            .args(["-c", "echo reason; exit 1"])
            .run()
            .err()
            .unwrap();
        let text = error.to_string();
        assert!(text.contains("sh -c") && text.contains("reason"), "{text}");
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = Cmd::new("no-such-program").run().err().unwrap();
        assert!(format!("{error:#}").contains("no-such-program"));
    }
}
