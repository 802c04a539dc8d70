// SPDX-License-Identifier: GPL-2.0-only

//! Tests rebuilds with little memory: in a control group of 1 GiB without swap, on two processors.
//! Also tests what the kernel kills if there is too little memory.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process;

use anyhow::{Context, Result, ensure};

use crate::debian::chroot::Chroot;
use crate::debian::packaged;
use crate::debian::setup::Setup;

use super::tally::Tally;

const MIB: u64 = 1 << 20;

/// The memory of the smallest machine that the design supports.
const SMALL: u64 = 1024 * MIB;

/// Less than a compiler needs beside the process that is already running.
const TOO_SMALL: u64 = 600 * MIB;

/// Where the group is in a root.
const GROUP: &str = "/srv/group";

/// Joins the group, starts an earlier process that uses $2 megabytes, and rebuilds.
const REBUILD: &str = r#"
echo $$ > /srv/group/cgroup.procs
perl -e '$x = "a" x ($ARGV[0] << 20); sleep 3600' "$2" >/dev/null 2>&1 & before=$!
sleep 2
taskset -c 0,1 dkms-rust kdir -k "$1"; echo "kdir $?"
kill $before && echo "the one before is there"
wait
"#;

/// A version of control groups that can limit memory.
struct Kind {
    /// Where it is mounted; groups are made directly below.
    mount: &'static str,
    limit: &'static str,
    /// The file that limits swap, and the value for no swap, given the memory limit.
    swap: (&'static str, fn(u64) -> u64),
    /// The file that counts killed processes.
    events: &'static str,
}

const KINDS: [Kind; 2] = [
    Kind {
        mount: "/sys/fs/cgroup/memory",
        limit: "memory.limit_in_bytes",
        swap: ("memory.memsw.limit_in_bytes", |limit| limit),
        events: "memory.oom_control",
    },
    Kind {
        mount: "/sys/fs/cgroup",
        limit: "memory.max",
        swap: ("memory.swap.max", |_| 0),
        events: "memory.events",
    },
];

/// A control group, which is removed on drop.
struct Group {
    kind: &'static Kind,
    path: PathBuf,
}

impl Group {
    fn new(name: &str, limit: u64) -> Result<Self> {
        let mut why = String::from("no control groups are mounted");
        for kind in &KINDS {
            let path = Path::new(kind.mount).join(format!("{name}-{}", process::id()));
            match fs::create_dir(&path).and_then(|()| {
                let group = Self { kind, path };
                set(&group.path.join(kind.limit), limit)?;
                let (file, amount) = kind.swap;
                // This file is missing on a kernel that does not account for swap.
                set(&group.path.join(file), amount(limit)).ok();
                Ok(group)
            }) {
                Ok(group) => return Ok(group),
                Err(error) => why = format!("{}: {error}", kind.mount),
            }
        }
        anyhow::bail!(why)
    }

    /// Returns how many processes the kernel has killed in the group.
    fn killed(&self) -> Result<u64> {
        let text = fs::read_to_string(self.path.join(self.kind.events))?;
        let count = text.lines().find_map(|line| line.strip_prefix("oom_kill "));
        Ok(count.context("the group does not count kills")?.parse()?)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        fs::remove_dir(&self.path).ok();
    }
}

/// Writes to an existing file. Fails in a directory that is not a control group's.
fn set(file: &Path, value: u64) -> io::Result<()> {
    let mut file = File::options().write(true).open(file)?;
    file.write_all(value.to_string().as_bytes())
}

/// Rebuilds for each kernel.
pub fn run(setup: &Setup<'_>, tally: &mut Tally) {
    if let Err(error) = Group::new("procdriver-try", SMALL) {
        return tally.skip(
            "small-machine",
            &format!("memory can't be limited: {error:#}"),
        );
    }
    for release in &setup.releases {
        tally.case(
            &format!("small-machine/{release}/rebuilds-in-1-GiB"),
            || rebuilds(setup, release),
        );
    }
    let release = &setup.releases[0];
    tally.case("small-machine/compilers-are-killed-first", || {
        kills_compilers(setup, release)
    });
}

/// Makes a chroot with dkms-rust and the group's directory.
fn open(setup: &Setup<'_>, group: &Group) -> Result<Chroot> {
    let log = setup.project.log("small-machine")?;
    let mut chroot = packaged::with_dkms_rust(setup.project, &setup.checks, &setup.repo, &log)?;
    chroot.bind(&group.path, GROUP)?;
    Ok(chroot)
}

fn rebuilds(setup: &Setup<'_>, release: &str) -> Result<()> {
    let group = Group::new("procdriver-small", SMALL)?;
    let mut chroot = open(setup, &group)?;
    chroot.bind(Path::new(group.kind.mount), group.kind.mount)?;
    let output = chroot
        .cmd("sh")
        .args(["-c", REBUILD, "sh", release, "30"])
        .log(&setup.project.log("small-machine")?)
        .try_run()?;
    output.must_say("kdir 0\nthe one before is there\n")?;
    let killed = group.killed()?;
    ensure!(killed == 0, "{killed} processes were killed");
    Ok(())
}

/// dkms-rust can't see the limit here, so it starts too many compilers. The earlier process uses
/// more memory than any of them, but must not be the one that is killed.
fn kills_compilers(setup: &Setup<'_>, release: &str) -> Result<()> {
    let group = Group::new("procdriver-too-small", TOO_SMALL)?;
    let chroot = open(setup, &group)?;
    let output = chroot
        .cmd("sh")
        .args(["-c", REBUILD, "sh", release, "300"])
        .log(&setup.project.log("small-machine")?)
        .try_run()?;
    output.must_say("was killed, probably because memory ran out")?;
    output.must_say("kdir 1\nthe one before is there\n")?;
    ensure!(group.killed()? > 0, "nothing was killed");
    Ok(())
}
