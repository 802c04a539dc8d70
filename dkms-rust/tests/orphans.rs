// SPDX-License-Identifier: GPL-2.0-only

//! Ends a process that left its group, and what that started. This is the only test of its process,
//! because all of the process's children are ended.

use dkms_rust::system::child::{Group, end_orphans, watch_signals};
use std::fs;
use std::path::Path;
use std::process::Command;

#[test]
fn what_left_its_process_group_is_ended_too() {
    watch_signals().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new("sh");
    let script = "setsid sh -c 'sleep 60 & echo $! >b; echo $$ >a; sleep 60' & \
                  until [ -s a ]; do sleep 0.01; done";
    command.args(["-c", script]).current_dir(dir.path());
    let mut group = Group::spawn(&mut command).unwrap();
    group.wait(None).unwrap();
    group.sweep();
    let runs = |name: &str| {
        let pid = fs::read_to_string(dir.path().join(name)).unwrap();
        Path::new("/proc").join(pid.trim()).exists()
    };
    assert!(runs("a") && runs("b"));
    end_orphans();
    assert!(!runs("a") && !runs("b"));
}
