// SPDX-License-Identifier: GPL-2.0-only

//! The one place that runs other programs.

use crate::system::trusted::{is_root, trusted_path};
use anyhow::{Context, Result};
use std::env;
use std::ffi::OsString;
use std::fmt;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// How many lines are shown of a command that failed.
const LINES: usize = 12;

/// How long an answer may take, and how large it may be.
const PATIENCE: Duration = Duration::from_secs(60);
const LARGEST: u64 = 64 << 20;

/// Where root's programs are, whatever PATH says.
const ROOTS: [&str; 6] = [
    "/usr/local/sbin",
    "/usr/local/bin",
    "/usr/sbin",
    "/usr/bin",
    "/sbin",
    "/bin",
];

/// The directories in which programs are looked for, in order. A user's are those of PATH. Root's
/// are always the same, less those that others can write.
pub fn search_path() -> Vec<PathBuf> {
    if is_root() {
        let mine = |dir: &PathBuf| trusted_path(dir).is_ok();
        return ROOTS.iter().map(PathBuf::from).filter(mine).collect();
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let absolute = |dir: &PathBuf| dir.is_absolute();
    env::split_paths(&path).filter(absolute).collect()
}

/// The same, as the variable PATH for programs that are run.
pub fn path_variable() -> OsString {
    // No part has a colon in it: they come from PATH, or from the list above.
    env::join_paths(search_path()).unwrap_or_default()
}

/// What a command prints to its standard output, trimmed; `None` if it can't be run, fails, or
/// takes too long. It runs in `/` and without the caller's environment, so that nothing there
/// changes the answer.
pub fn answer(command: &mut Command) -> Option<String> {
    answer_within(command, PATIENCE)
}

fn answer_within(command: &mut Command, patience: Duration) -> Option<String> {
    let mut child = command
        .current_dir("/")
        .env_clear()
        .env("PATH", path_variable())
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let stdout = child.stdout.take()?;
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut text = String::new();
        let read = stdout.take(LARGEST).read_to_string(&mut text);
        // Nobody listens any more if it took too long.
        sender.send(read.map(|_| text)).ok();
    });
    let end = Instant::now() + patience;
    let text = receiver.recv_timeout(patience);
    // A program may close its output and go on.
    let status = loop {
        match child.try_wait().ok()? {
            Some(status) => break status,
            None if Instant::now() >= end => child.kill().ok()?,
            None => thread::sleep(Duration::from_millis(1)),
        }
    };
    let text = text.ok()?.ok()?;
    status.success().then(|| text.trim().to_owned())
}

/// A command that failed, and where what it said is.
#[derive(Debug)]
pub struct Failed {
    command: String,
    status: ExitStatus,
    lines: Vec<String>,
    /// All that it said.
    pub log: PathBuf,
    /// Whether it would fail again: not for want of room on the disk.
    pub again: bool,
}

impl Failed {
    /// The first thing that went wrong, in a line.
    pub fn first(&self) -> &str {
        self.lines.first().map_or("it said nothing", String::as_str)
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} failed ({}), first by this:",
            self.command, self.status
        )?;
        for line in &self.lines {
            writeln!(f, "  {line}")?;
        }
        if self.lines.iter().any(|line| was_killed(line)) {
            writeln!(f, "A compiler was killed, most likely for want of memory.")?;
        }
        write!(f, "All that it said is in {}", self.log.display())
    }
}

impl std::error::Error for Failed {}

/// Runs a command with all that it prints going to the file `log`, which goes if all is well.
///
/// # Errors
///
/// If it can't be run; or, as [`Failed`], if it fails.
pub fn logged(command: &mut Command, log: &Path) -> Result<()> {
    let file = File::create(log).with_context(|| format!("can't write {}", log.display()))?;
    let errors = file.try_clone()?;
    let status = command
        .stdin(Stdio::null())
        .stdout(file)
        .stderr(errors)
        .status()
        .with_context(|| format!("can't run {}", name(command)))?;
    let said = fs::read(log).with_context(|| format!("can't read {}", log.display()))?;
    if status.success() {
        fs::remove_file(log).ok();
        return Ok(());
    }
    let said = String::from_utf8_lossy(&said);
    Err(Failed {
        command: name(command),
        status,
        lines: first_error(&said),
        log: log.to_owned(),
        again: !said.contains("No space left on device"),
    }
    .into())
}

/// The lines from the first on that tells of an error. Jobs run side by side, so that the last
/// lines are what was under way elsewhere.
fn first_error(said: &str) -> Vec<String> {
    let lines: Vec<&str> = said.lines().collect();
    let of_make = |line: &str| line.starts_with("make");
    let tells = |line: &&str| {
        let words = [
            "error:",
            "error[",
            "Error ",
            "panicked at",
            "No space left",
            "not found",
        ];
        !of_make(line) && words.iter().any(|word| line.contains(word)) || was_killed(line)
    };
    let first = lines
        .iter()
        .position(tells)
        .or_else(|| lines.iter().position(|line| line.contains("***")))
        .unwrap_or(lines.len().saturating_sub(LINES));
    let shown = lines[first..].iter().take(LINES);
    shown.map(|line| (*line).to_owned()).collect()
}

fn was_killed(line: &str) -> bool {
    ["Killed", "signal: 9", "SIGKILL"]
        .iter()
        .any(|word| line.contains(word))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(script: &str) -> (String, Failed) {
        let dir = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let log = dir.path().join("log");
        let error = logged(&mut command, &log).unwrap_err();
        let text = error.to_string();
        assert!(text.ends_with(&log.display().to_string()), "{text}");
        (text, error.downcast().unwrap())
    }

    #[test]
    fn a_failure_shows_its_first_error_and_keeps_its_log() {
        let script =
            "seq 1 50; echo 'error: why' >&2; seq 51 100; echo 'make: *** [x] Error 1'; exit 3";
        let (text, failed) = failed(script);
        assert_eq!(failed.first(), "error: why");
        assert!(
            text.contains("exit status: 3") && text.contains("  51\n"),
            "{text}"
        );
        assert!(
            !text.contains("  50\n") && !text.contains("  99\n"),
            "{text}"
        );
        assert!(failed.again);
    }

    #[test]
    fn a_failure_without_an_error_shows_its_last_lines() {
        let (text, failed) = failed("seq 1 100; exit 1");
        assert!(
            text.contains("  100\n") && !text.contains("  50\n"),
            "{text}"
        );
        assert_eq!(failed.first(), "89");
    }

    #[test]
    fn a_compiler_that_was_killed_and_a_full_disk_are_told() {
        let (text, _) = failed("echo 'CC a.o'; echo 'make[1]: *** [x] Killed'; exit 2");
        assert!(text.contains("want of memory"), "{text}");
        let (_, full) = failed("echo 'error: No space left on device'; exit 1");
        assert!(!full.again);
    }

    #[test]
    fn what_ends_well_leaves_no_log() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        logged(&mut Command::new("true"), &log).unwrap();
        assert!(!log.exists());
    }

    #[test]
    fn a_command_that_is_not_there_is_no_answer() {
        assert_eq!(answer(&mut Command::new("/nonexistent/rustc")), None);
        assert_eq!(answer(Command::new("echo").arg(" hi ")), Some("hi".into()));
        assert_eq!(answer(&mut Command::new("false")), None);
    }

    #[test]
    fn a_question_is_asked_in_the_root_without_the_environment() {
        let script = "pwd; test -z \"$HOME$CARGO$USER\" && echo $LC_ALL";
        let said = answer(Command::new("sh").args(["-c", script]).env("USER", "x"));
        assert_eq!(said.as_deref(), Some("/\nC"));
    }

    #[test]
    fn nobody_is_waited_for_without_a_limit() {
        let start = Instant::now();
        let mut slow = Command::new("sh");
        slow.args(["-c", "echo hi; exec sleep 30"]);
        assert_eq!(answer_within(&mut slow, Duration::from_millis(100)), None);
        // A program that is left behind and holds the output.
        let mut daemon = Command::new("sh");
        daemon.args(["-c", "sleep 3 & echo hi"]);
        assert_eq!(answer_within(&mut daemon, Duration::from_millis(100)), None);
        assert!(start.elapsed() < Duration::from_secs(3));
    }

    #[test]
    fn root_looks_for_programs_where_only_root_can_put_them() {
        if is_root() {
            let allowed = |dir: &PathBuf| ROOTS.iter().any(|root| dir == Path::new(root));
            assert!(search_path().iter().all(allowed));
        }
        assert!(search_path().iter().all(|dir| dir.is_absolute()));
    }
}
