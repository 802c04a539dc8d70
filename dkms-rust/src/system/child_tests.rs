// SPDX-License-Identifier: GPL-2.0-only

use super::*;

fn sh(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

fn runs(pid: &str) -> bool {
    let status = fs::read_to_string(Path::new("/proc").join(pid.trim()).join("status"));
    status.is_ok_and(|status| !status.contains("State:\tZ"))
}

#[test]
fn a_child_that_takes_too_long_ends_with_all_that_it_started() {
    let dir = tempfile::tempdir().unwrap();
    let script = "sleep 60 & echo $! >a; (trap '' TERM; sleep 60) & echo $! >b; wait";
    let start = Instant::now();
    let mut group = Group::spawn(sh(script).current_dir(dir.path())).unwrap();
    let error = group.wait(Some(Duration::from_millis(300))).unwrap_err();
    let limit = Duration::from_millis(300);
    assert_eq!(error, Stopped::TooLong(limit));
    assert!(start.elapsed() < Duration::from_secs(30));
    for name in ["a", "b"] {
        let pid = fs::read_to_string(dir.path().join(name)).unwrap();
        assert!(!runs(&pid), "{name}");
    }
}

#[test]
fn what_a_child_leaves_running_is_not_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let start = Instant::now();
    let mut group =
        Group::spawn(sh("sleep 20 & echo $! >a; exit 3").current_dir(dir.path())).unwrap();
    group.wait(None).unwrap();
    assert_eq!(group.leave().unwrap().code(), Some(3));
    assert!(start.elapsed() < Duration::from_secs(10));
    let pid = fs::read_to_string(dir.path().join("a")).unwrap();
    assert!(runs(&pid));
    process::kill_process(
        Pid::from_raw(pid.trim().parse().unwrap()).unwrap(),
        Signal::KILL,
    )
    .unwrap();
}
