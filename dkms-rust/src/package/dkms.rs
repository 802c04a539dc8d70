// SPDX-License-Identifier: GPL-2.0-only

//! Runs dkms and other programs. Their output goes to a file in memory instead of a pipe, because a
//! process that they leave in the background could hold a pipe open forever.

use crate::system::System;
use rustix::fs::MemfdFlags;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The most output of a program that is read, in bytes.
const MOST: u64 = 1 << 20;

/// Tells [`hook`](super::hook) that the kernel was already checked, so `PRE_BUILD` does nothing.
pub const CHECKED: &str = "DKMS_RUST_CHECKED";

/// How a program ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit status; none if it could not be run, was killed, or did not end in time.
    pub code: Option<i32>,
    /// Its output.
    pub said: String,
    /// Whether it did not end in time and was left running.
    pub late: bool,
}

impl Ended {
    /// Whether it succeeded.
    pub fn well(&self) -> bool {
        self.code == Some(0)
    }

    /// Describes how it ended.
    pub fn how(&self) -> String {
        match self.code {
            Some(code) => format!("exited with status {code}"),
            None if self.late => "did not finish".to_owned(),
            None => "was killed or could not be run".to_owned(),
        }
    }

    /// Returns the last lines of the output.
    pub fn last(&self, count: usize) -> String {
        let lines: Vec<&str> = self.said.lines().filter(|line| !line.is_empty()).collect();
        lines[lines.len().saturating_sub(count)..].join("\n")
    }
}

/// Runs a program and waits until it ends.
pub fn run(system: &System, name: &str, args: &[&str]) -> Ended {
    run_within(system, name, args, None)
}

/// Like [`run`], but stops waiting after `patience`. The program may hang in the kernel, where it
/// cannot be killed.
pub fn run_within(system: &System, name: &str, args: &[&str], patience: Option<Duration>) -> Ended {
    let result = system
        .program(name)
        .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "not installed"))
        .and_then(|path| start(Command::new(path).args(args)))
        .and_then(|(child, output)| end(child, output, patience));
    result.unwrap_or_else(|error| Ended {
        code: None,
        said: format!("{name}: {error}"),
        late: false,
    })
}

fn start(command: &mut Command) -> io::Result<(Child, File)> {
    let output = File::from(rustix::fs::memfd_create("output", MemfdFlags::CLOEXEC)?);
    let child = command
        .current_dir("/")
        .env("LC_ALL", "C.UTF-8")
        .env(CHECKED, "1")
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output.try_clone()?)
        .spawn()?;
    Ok((child, output))
}

fn end(mut child: Child, mut output: File, patience: Option<Duration>) -> io::Result<Ended> {
    let start = Instant::now();
    let status = match patience {
        None => Some(child.wait()?),
        Some(patience) => loop {
            match child.try_wait()? {
                None if start.elapsed() >= patience => break None,
                None => thread::sleep(Duration::from_millis(20)),
                status => break status,
            }
        },
    };
    let mut said = Vec::new();
    output.rewind()?;
    output.take(MOST).read_to_end(&mut said)?;
    Ok(Ended {
        code: status.and_then(|status| status.code()),
        said: String::from_utf8_lossy(&said).into_owned(),
        late: status.is_none(),
    })
}
