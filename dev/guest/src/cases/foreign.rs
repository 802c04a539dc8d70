// SPDX-License-Identifier: GPL-2.0-only

//! Test suites by others, pointed at the entry: stress-ng, trinity, and the kernel's own selftests
//! for procfs. The host puts them into the guest.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context as _;
use anyhow::ensure;
use nix::mount::MsFlags;
use nix::sched::CloneFlags;

use crate::cases::Case;
use crate::cases::Context;
use crate::drive;
use crate::kmsg;
use crate::module;
use crate::module::Presence;
use crate::process::unshare;
use crate::report::one_line;

pub const CASES: &[Case] = &[
    Case::any("foreign-selftests-of-proc-as-without-the-driver", selftests).within(600),
    Case::loaded("foreign-stress-ng-on-all-of-proc", stress_proc).within(300),
    Case::loaded("foreign-stress-ng-on-the-directory", stress_directory).within(300),
    Case::loaded("foreign-trinity", trinity).within(600),
];

/// The directory of the selftests; each is one executable.
const SELFTESTS: &str = "/suites/proc";

/// The system calls that work on files. Trinity may not use any other, because it would end the
/// guest sooner or later.
const CALLS: &[&str] = &[
    "copy_file_range",
    "dup",
    "fadvise64",
    "fallocate",
    "fcntl",
    "fdatasync",
    "fgetxattr",
    "flistxattr",
    "flock",
    "fstatfs",
    "fsync",
    "ftruncate",
    "getdents",
    "getdents64",
    "ioctl",
    "lseek",
    "mmap",
    "newfstat",
    "open",
    "openat",
    "poll",
    "pread64",
    "preadv",
    "preadv2",
    "pwrite64",
    "pwritev",
    "pwritev2",
    "read",
    "readahead",
    "readv",
    "sendfile",
    "splice",
    "statx",
    "sync_file_range",
    "write",
    "writev",
];

/// Runs a program; returns its exit code and its output.
fn run(program: impl AsRef<Path>, words: &[&str]) -> anyhow::Result<(Option<i32>, String)> {
    let program = program.as_ref();
    let output = Command::new(program)
        .args(words)
        .current_dir("/tmp")
        .env("PATH", "/usr/bin")
        .output()
        .with_context(|| format!("running {}", program.display()))?;
    let text = [output.stdout, output.stderr].concat();
    Ok((
        output.status.code(),
        String::from_utf8_lossy(&text).into_owned(),
    ))
}

/// Checks that the driver still works, whatever was done to it.
fn still_answers() -> anyhow::Result<()> {
    drive::message().context("reading afterwards")?;
    drive::write(b"afterwards\n")?;
    drive::expect("all that", b"afterwards\n")
}

/// Each selftest must end with the driver as it does without it. Some fail without it too, because
/// the guest is small.
fn selftests(context: &Context) -> anyhow::Result<()> {
    let entries = fs::read_dir(SELFTESTS).with_context(|| format!("listing {SELFTESTS}"))?;
    let mut tests: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    tests.sort();
    ensure!(!tests.is_empty(), "{SELFTESTS} is empty");
    let mut differ = Vec::new();
    for test in &tests {
        let (mut ends, mut said) = ([None; 2], String::new());
        for (end, presence) in ends.iter_mut().zip([Presence::Absent, Presence::Loaded]) {
            module::bring(presence, &context.driver)?;
            let (code, text) = run(test, &[])?;
            *end = code;
            said = text;
        }
        let name = test.file_name().unwrap_or_default().to_string_lossy();
        let [without, with] = ends;
        kmsg::say(&format!(
            "guest: selftest {name} ended with {with:?}, without the driver {without:?}"
        ));
        if with != Some(0) {
            kmsg::say(&format!("guest: it said {}", one_line(&said)));
        }
        if with != without {
            differ.push(name.into_owned());
        }
    }
    ensure!(
        differ.is_empty(),
        "with the driver {differ:?} end otherwise"
    );
    still_answers()
}

fn stress_ng(context: &Context, words: &[&str]) -> anyhow::Result<()> {
    let seconds = context.stress.as_secs().to_string();
    let always = ["--timeout", &seconds, "--metrics-brief", "--oomable"];
    let (end, text) = run("/usr/bin/stress-ng", &[words, &always].concat())?;
    for line in text.lines() {
        kmsg::say(&format!("guest: {line}"));
    }
    ensure!(end == Some(0), "stress-ng {words:?} ended with {end:?}");
    still_answers()
}

fn stress_proc(context: &Context) -> anyhow::Result<()> {
    stress_ng(context, &["--procfs", "2"])
}

/// Runs the same test with nothing else in `/proc`, so that all of it hits the entry.
fn stress_directory(context: &Context) -> anyhow::Result<()> {
    const ONLY: &str = "/tmp/only";
    let place = format!("{ONLY}/1999_proc");
    let bind = |from: &str, to: &str| {
        nix::mount::mount(
            Some(from),
            to,
            None::<&str>,
            MsFlags::MS_BIND | MsFlags::MS_REC,
            None::<&str>,
        )
        .with_context(|| format!("showing {from} as {to}"))
    };
    unshare(CloneFlags::CLONE_NEWNS)?;
    fs::create_dir_all(&place).with_context(|| format!("making {place}"))?;
    bind(drive::DIRECTORY, &place)?;
    bind(ONLY, "/proc")?;
    stress_ng(context, &["--procfs", "2"])
}

fn trinity(_: &Context) -> anyhow::Result<()> {
    let calls: Vec<&str> = CALLS.iter().flat_map(|call| ["-c", call]).collect();
    // Trinity may open only what it finds in the directory, and pipes to splice to.
    let fds = ["--enable-fds=pseudo", "--enable-fds=pipes"];
    let words = ["--dangerous", "-q", "-l", "off", "-C", "2", "-N", "20000"];
    let victims = ["-V", drive::DIRECTORY];
    let (end, text) = run(
        "/usr/bin/trinity",
        &[&words[..], &fds, &victims, &calls].concat(),
    )?;
    for line in text.lines().rev().take(12).collect::<Vec<_>>().iter().rev() {
        kmsg::say(&format!("guest: {line}"));
    }
    ensure!(end == Some(0), "trinity ended with {end:?}");
    still_answers()
}
