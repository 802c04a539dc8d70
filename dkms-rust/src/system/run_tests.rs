// SPDX-License-Identifier: GPL-2.0-only

use super::*;

fn failed(script: &str) -> (String, Failed) {
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    let log = dir.path().join("log");
    let error = logged(&mut command, "sh", &log).unwrap_err();
    let text = error.to_string();
    assert!(text.ends_with(&log.display().to_string()), "{text}");
    (text, error.downcast().unwrap())
}

#[test]
fn a_failure_shows_its_first_error_and_keeps_its_log() {
    let script =
        "seq 1 50; echo 'error: why' >&2; seq 51 100; echo 'make: *** [x] Error 1'; exit 3";
    let (text, failed) = failed(script);
    assert_eq!(failed.first(), "error: why");
    assert!(
        text.contains("sh failed (exit status: 3)") && text.contains("  51\n"),
        "{text}"
    );
    assert!(
        !text.contains("  50\n") && !text.contains("  99\n"),
        "{text}"
    );
    assert!(failed.again);
}

#[test]
fn a_failure_without_an_error_shows_its_last_lines() {
    let (text, failed) = failed("seq 1 100; exit 1");
    assert!(
        text.contains("  100\n") && !text.contains("  50\n"),
        "{text}"
    );
    assert_eq!(failed.first(), "89");
}

#[test]
fn a_compiler_that_was_killed_and_a_full_disk_are_told() {
    for line in [
        "make[1]: *** [x] Killed",
        "memory allocation of 8 bytes failed",
    ] {
        let (text, failed) = failed(&format!("echo 'CC a.o'; echo '{line}'; exit 2"));
        assert!(text.contains("memory ran out"), "{text}");
        assert!(!failed.again);
    }
    let (_, full) = failed("echo 'error: No space left on device'; exit 1");
    assert!(!full.again);
}

#[test]
fn what_ends_well_leaves_no_log() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    logged(&mut Command::new("true"), "true", &log).unwrap();
    assert!(!log.exists());
}

#[test]
fn a_command_that_is_not_there_is_no_answer() {
    assert_eq!(answer(&mut Command::new("/nonexistent/rustc")), None);
    assert_eq!(answer(Command::new("echo").arg(" hi ")), Some("hi".into()));
    assert_eq!(answer(&mut Command::new("false")), None);
}

#[test]
fn a_question_is_asked_in_the_root_without_the_environment() {
    let script = "pwd; test -z \"$HOME$CARGO$USER\" && echo $LC_ALL";
    let said = answer(Command::new("sh").args(["-c", script]).env("USER", "x"));
    assert_eq!(said.as_deref(), Some("/\nC"));
}

#[test]
fn nobody_is_waited_for_without_a_limit() {
    let start = Instant::now();
    let mut slow = Command::new("sh");
    slow.args(["-c", "echo hi; exec sleep 30"]);
    assert_eq!(answer_within(&mut slow, Duration::from_millis(100)), None);
    // It may close its output and keep running.
    slow.args(["-c", "exec >&-; exec sleep 30"]);
    assert_eq!(answer_within(&mut slow, Duration::from_millis(100)), None);
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[test]
fn what_is_left_behind_does_not_keep_an_answer_back() {
    let start = Instant::now();
    let mut daemon = Command::new("sh");
    daemon.args(["-c", "sleep 30 & echo hi"]);
    assert_eq!(answer(&mut daemon).as_deref(), Some("hi"));
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_long_answer_is_heard_to_its_end() {
    let said = answer(Command::new("seq").arg("200000")).unwrap();
    assert!(said.starts_with("1\n2\n") && said.ends_with("\n200000"));
}

#[test]
fn a_build_that_hangs_is_stopped_and_the_limit_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let mut hangs = Command::new("sh");
    hangs.args(["-c", "echo working; sleep 60; echo never"]);
    let log = dir.path().join("log");
    let limit = Some(Duration::from_millis(200));
    let error = logged_within(&mut hangs, "make", &log, limit).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("stopped after 0 s") && text.contains(LIMIT),
        "{text}"
    );
    // With a longer limit it may come to an end.
    assert!(!error.downcast::<Failed>().unwrap().again);
}

#[test]
fn the_limit_is_the_user_s() {
    assert_eq!(limit_of(Some("20")), Some(Duration::from_secs(20)));
    assert_eq!(limit_of(Some("0")), None);
    assert_eq!(limit_of(Some("x")), Some(USUAL_LIMIT));
    assert_eq!(limit_of(None), Some(USUAL_LIMIT));
}
