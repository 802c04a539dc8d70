// SPDX-License-Identifier: GPL-2.0-only

//! Measures the memory of commands, including all their processes.
//!
//! We do not use a cgroup: machines differ in the controllers that they have and permit, but all
//! have `/proc`.

use std::collections::HashMap;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Result, anyhow};

/// The time between two samples.
const PAUSE: Duration = Duration::from_millis(100);

/// Does the work, and returns the largest amount of memory, in bytes, that this process's
/// descendants used meanwhile. Shared memory counts once.
pub fn peak<T>(work: impl FnOnce() -> Result<T>) -> Result<(T, u64)> {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut most = 0;
            while !over.load(Ordering::Relaxed) {
                most = most.max(children().map(memory).sum());
                thread::sleep(PAUSE);
            }
            most
        });
        let done = work();
        over.store(true, Ordering::Relaxed);
        let most = watcher
            .join()
            .map_err(|_| anyhow!("the watcher panicked"))?;
        Ok((done?, most))
    })
}

/// Returns all descendants of this process.
fn children() -> impl Iterator<Item = u32> {
    let mut below: HashMap<u32, Vec<u32>> = HashMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let process = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok());
        // The process may have ended by now.
        if let Some((process, parent)) = process.and_then(|pid| Some((pid, parent(pid)?))) {
            below.entry(parent).or_default().push(process);
        }
    }
    let mut found = Vec::new();
    let mut next = vec![std::process::id()];
    while let Some(process) = next.pop() {
        let children = below.remove(&process).unwrap_or_default();
        found.extend(&children);
        next.extend(children);
    }
    found.into_iter()
}

fn parent(process: u32) -> Option<u32> {
    parent_in(&fs::read_to_string(format!("/proc/{process}/stat")).ok()?)
}

/// Parses `pid (name) state parent ...`. The name may contain spaces and brackets.
fn parent_in(stat: &str) -> Option<u32> {
    let (_, rest) = stat.rsplit_once(") ")?;
    rest.split(' ').nth(1)?.parse().ok()
}

fn memory(process: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{process}/smaps_rollup")).unwrap_or_default();
    share_in(&text).unwrap_or_default()
}

/// Parses `Pss:    123 kB`.
fn share_in(rollup: &str) -> Option<u64> {
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;
    use std::process::Command;

    use super::*;

    #[test]
    fn a_name_with_brackets_does_not_hide_the_parent() {
        assert_eq!(parent_in("7 (a) b) c) S 42 7 7"), Some(42));
        assert_eq!(parent_in(""), None);
    }

    #[test]
    fn the_share_is_read_in_bytes() {
        let text =
            "00400000-7fff ---p 0 0:0 0 [rollup]\nRss: 9 kB\nPss:    2 kB\nPss_Dirty: 1 kB\n";
        assert_eq!(share_in(text), Some(2048));
    }

    #[test]
    fn a_childs_memory_counts() {
        // A shell variable of 64 MiB.
        let hog = "x=$(head -c 67108864 /dev/zero | tr '\\0' a); sleep 1; echo ${#x}";
        let run = || Ok(Command::new("sh").args(["-c", hog]).output()?);
        let (output, most) = peak(run).unwrap();
        assert_eq!(black_box(output.stdout), b"67108864\n");
        assert!(most > 64 << 20, "{most}");
    }
}
