// SPDX-License-Identifier: GPL-2.0-only

//! Running dkms and other programs of the system, with what they say in memory: a program that they
//! leave behind may hold their output open for ever.

use crate::system::System;
use rustix::fs::MemfdFlags;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Where programs are.
const PLACES: [&str; 4] = ["usr/sbin", "usr/bin", "sbin", "bin"];

/// As much of what a program says is read.
const MOST: u64 = 1 << 20;

/// Tells [`hook`](super::hook) that the kernel was looked at, so that `PRE_BUILD` has nothing to do.
pub const CHECKED: &str = "DKMS_RUST_CHECKED";

/// How a program ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit status; none if it could not be run, was killed, or did not end in time.
    pub code: Option<i32>,
    /// What it said.
    pub said: String,
    /// Whether it did not end in time, and so is left alone.
    pub late: bool,
}

impl Ended {
    /// Whether it did what it was asked for.
    pub fn well(&self) -> bool {
        self.code == Some(0)
    }

    /// Its end in words.
    pub fn how(&self) -> String {
        match self.code {
            Some(code) => format!("ended with status {code}"),
            None if self.late => "did not end".to_owned(),
            None => "was killed or could not be run".to_owned(),
        }
    }

    /// The last lines of what it said.
    pub fn last(&self, count: usize) -> String {
        let lines: Vec<&str> = self.said.lines().filter(|line| !line.is_empty()).collect();
        lines[lines.len().saturating_sub(count)..].join("\n")
    }
}

/// A program's path; none if it is not installed.
pub fn program(system: &System, name: &str) -> Option<PathBuf> {
    let mut places = PLACES.iter().map(|place| system.at(place).join(name));
    places.find(|path| path.is_file())
}

/// Runs a program to its end.
pub fn run(system: &System, name: &str, args: &[&str]) -> Ended {
    run_within(system, name, args, None)
}

/// The same, but goes on without it when it takes longer than `patience`. It may hang in the kernel,
/// where nothing can end it.
pub fn run_within(system: &System, name: &str, args: &[&str], patience: Option<Duration>) -> Ended {
    let result = program(system, name)
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
