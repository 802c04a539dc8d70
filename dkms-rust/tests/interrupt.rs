// SPDX-License-Identifier: GPL-2.0-only

//! Interrupts rebuilds at random moments. Nothing must be left of them, and the next one must work.
//!
//! This test has its own `main`, because the usual test harness starts threads. It starts itself as
//! the process that rebuilds, with shell scripts as compilers.

use dkms_rust::build::cache::Cache;
use dkms_rust::build::inputs::Inputs;
use dkms_rust::system::run::logged;
use dkms_rust::system::{System, child};
use std::collections::hash_map::RandomState;
use std::env;
use std::fs;
use std::hash::BuildHasher;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

const MOMENTS: u64 = 50;
const RELEASE: &str = "7.3.4-amd64";

/// The variable with the root directory for the process that rebuilds.
const ROOT: &str = "DKMS_RUST_TEST_ROOT";

/// Behaves like make: parallel jobs that write files, start processes, and need time to end.
const MAKE: &str = "for i in 1 2 3; do
    (trap 'sleep 0.02; exit 1' TERM; for n in 1 2 3 4 5; do echo $n >$i.$n; sleep 0.03; done) &
done
wait
echo done >all";

fn main() {
    if let Some(root) = env::var_os(ROOT) {
        rebuild(Path::new(&root));
        return;
    }
    let random = RandomState::new();
    let mut interrupted = 0;
    for moment in 0..MOMENTS {
        let root = tempfile::tempdir().unwrap();
        let signal = ["INT", "TERM", "HUP"][moment as usize % 3];
        let wait = Duration::from_millis(random.hash_one(moment) % 300);
        let status = interrupt(root.path(), signal, wait);
        let what = format!("SIG{signal} after {wait:?}");
        interrupted += u64::from(status.signal().is_some());
        assert!(
            status.success() || status.signal().is_some(),
            "{what}: {status}"
        );
        assert!(
            at_work(root.path()).is_empty(),
            "{what}: {:?}",
            at_work(root.path())
        );
        let folder = root.path().join("var/cache/dkms-rust").join(RELEASE);
        let left = dkms_rust::system::names_in(&folder);
        // The signal may arrive when the tree is already complete.
        let whole = left.iter().filter(|name| !name.starts_with('.')).count();
        let lock = left.iter().filter(|name| *name == ".lock").count();
        assert_eq!(whole + lock, left.len(), "{what}: {left:?}");
        assert!(
            whole <= 1 && (whole == 1 || !status.success()),
            "{what}: {left:?}"
        );

        let start = Instant::now();
        let status = start_in(root.path()).status().unwrap();
        assert!(status.success(), "{what}: the next one: {status}");
        assert!(
            start.elapsed() < Duration::from_secs(10),
            "{what}: the next one had to wait"
        );
    }
    assert!(
        interrupted > MOMENTS / 4,
        "only {interrupted} were interrupted"
    );
    println!("{interrupted} of {MOMENTS} rebuilds were interrupted, and nothing was left");
}

/// The process that gets interrupted.
fn rebuild(root: &Path) {
    child::watch_signals().unwrap();
    let cache = Cache::open(&System::below(root)).unwrap();
    let inputs = Inputs::new([("input", "a")]);
    let kept = cache.get_or_make(&RELEASE.parse().unwrap(), &inputs, |tree| {
        let mut make = Command::new("sh");
        make.args(["-c", MAKE]).current_dir(tree);
        logged(&mut make, "make", &root.join("log"))
    });
    child::end_if_interrupted();
    let tree = kept.unwrap().path;
    assert_eq!(fs::read_to_string(tree.join("all")).unwrap(), "done\n");
}

fn start_in(root: &Path) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.env(ROOT, root);
    command
}

fn interrupt(root: &Path, signal: &str, after: Duration) -> ExitStatus {
    let mut child = start_in(root).spawn().unwrap();
    // Before the log exists, the child may not be ready to handle signals.
    let log = root.join("log");
    while !log.exists() && child.try_wait().unwrap().is_none() {
        thread::sleep(Duration::from_millis(1));
    }
    thread::sleep(after);
    let id = child.id().to_string();
    let mut kill = Command::new("kill");
    kill.arg(format!("-{signal}"))
        .arg(id)
        .stderr(std::process::Stdio::null());
    kill.status().unwrap();
    child.wait().unwrap()
}

/// Returns the processes whose current directory is below `root`.
fn at_work(root: &Path) -> Vec<String> {
    let works = |number: &String| {
        let place = fs::read_link(Path::new("/proc").join(number).join("cwd"));
        place.is_ok_and(|place| place.starts_with(root))
    };
    let all = dkms_rust::system::names_in(Path::new("/proc"));
    all.into_iter().filter(works).collect()
}
