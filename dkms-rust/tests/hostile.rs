// SPDX-License-Identifier: GPL-2.0-only

//! Files that dkms-rust reads may contain anything. This test reads all files that the fuzzers
//! (`dev/fuzz`) have kept, with limits on memory and time.

#[path = "../../dev/fuzz/targets.rs"]
mod targets;

use rustix::process::{Resource, Rlimit, setrlimit};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// The directory of the files, with a subdirectory for each target.
const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus");

/// The limits for each file. Exceeding the memory limit aborts the whole test.
const MEMORY: u64 = 2 << 30;
const TIME: Duration = Duration::from_secs(5);

#[test]
fn whatever_is_read_ends_soon_and_without_a_panic() {
    let most = Rlimit {
        current: Some(MEMORY),
        maximum: Some(MEMORY),
    };
    setrlimit(Resource::As, most).unwrap();
    for (name, _) in targets::TARGETS {
        let folder = Path::new(CORPUS).join(name);
        let inputs: Vec<_> = fs::read_dir(&folder)
            .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
            .map(|entry| entry.unwrap().path())
            .collect();
        assert!(!inputs.is_empty(), "{name} has no corpus");
        for input in inputs {
            let bytes = fs::read(&input).unwrap();
            let start = Instant::now();
            targets::run(name, &bytes);
            assert!(start.elapsed() < TIME, "{}", input.display());
        }
    }
}

#[test]
fn every_target_is_a_fuzzer() {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../dev/fuzz/Cargo.toml");
    let text = fs::read_to_string(manifest).unwrap();
    let bins = text.split("[[bin]]").skip(1);
    let bins: BTreeSet<&str> = bins.filter_map(|bin| bin.split('"').nth(1)).collect();
    let targets: BTreeSet<&str> = targets::TARGETS.iter().map(|(name, _)| *name).collect();
    assert_eq!(bins, targets);
}
