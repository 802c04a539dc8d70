// SPDX-License-Identifier: GPL-2.0-only

//! Nobody has to read what dkms-rust prints: it does its work, and exits as always.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, ExitStatus, Stdio};

/// Runs dkms-rust where nobody reads its standard output, or its standard error.
fn unread(args: &[&str], error: bool) -> ExitStatus {
    let (reader, writer) = UnixStream::pair().unwrap();
    drop(reader);
    let writer = OwnedFd::from(writer);
    let mut command = Command::new(env!("CARGO_BIN_EXE_dkms-rust"));
    command.args(args).stdin(Stdio::null());
    let command = match error {
        true => command.stdout(Stdio::null()).stderr(writer),
        false => command.stdout(writer).stderr(Stdio::null()),
    };
    command.status().unwrap()
}

#[test]
fn an_answer_that_nobody_reads_is_no_failure() {
    let dir = tempfile::tempdir().unwrap();
    let project = dir.path().join("hello");
    let status = unread(&["new", "hello", project.to_str().unwrap()], false);
    assert_eq!(status.code(), Some(0));
    assert!(project.join("dkms.conf").exists());
}

#[test]
fn a_refusal_that_nobody_reads_has_its_exit_status() {
    let status = unread(&["kdir", "-k", "1.0-none"], true);
    assert_eq!(status.code(), Some(77));
}
