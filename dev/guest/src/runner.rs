// SPDX-License-Identifier: GPL-2.0-only

//! Runs each case in its own process, so that the suite goes on whatever happens to the case.

use std::fs::File;
use std::io::Read as _;
use std::io::Write as _;
use std::os::fd::AsFd as _;
use std::os::fd::OwnedFd;
use std::thread::sleep;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context as _;
use nix::fcntl::FcntlArg;
use nix::fcntl::OFlag;
use nix::poll::PollFd;
use nix::poll::PollFlags;
use nix::poll::PollTimeout;
use nix::sys::signal::Signal;
use nix::sys::signal::killpg;
use nix::sys::wait::WaitPidFlag;
use nix::sys::wait::WaitStatus;
use nix::sys::wait::waitpid;
use nix::unistd::ForkResult;
use nix::unistd::Pid;

use crate::cases::Case;
use crate::cases::Context;
use crate::check::Skip;
use crate::module;
use crate::report::Verdict;
use crate::sys;

/// Exit codes of a case's process.
const PASSED: i32 = 0;
const FAILED: i32 = 1;
const SKIPPED: i32 = 77;

/// How long a killed process may take to die.
const TO_DIE: Duration = Duration::from_secs(5);

/// Brings the driver into the state that the case starts from, and runs the case. `patience`
/// multiplies the time that it may take.
pub fn run(case: &Case, context: &Context, patience: u32) -> Verdict {
    let verdict = run_apart(case.timeout * patience, || {
        module::bring(case.start, &context.driver).context("before the case")?;
        (case.run)(context)
    });
    reap_orphans();
    verdict
}

/// Reaps processes that have ended: init inherits every process whose parent ended.
fn reap_orphans() {
    while matches!(
        waitpid(None, Some(WaitPidFlag::WNOHANG)),
        Ok(WaitStatus::Exited(..) | WaitStatus::Signaled(..))
    ) {}
}

/// Runs the body in a forked process, for at most `timeout`.
fn run_apart(timeout: Duration, body: impl FnOnce() -> anyhow::Result<()>) -> Verdict {
    let verdict = || -> anyhow::Result<Verdict> {
        let (reader, writer) = nix::unistd::pipe2(OFlag::O_CLOEXEC).context("making a pipe")?;
        // SAFETY: this process has one thread, so the child may do whatever a process may.
        match unsafe { nix::unistd::fork() }.context("forking")? {
            ForkResult::Child => child(writer, body),
            ForkResult::Parent { child } => {
                drop(writer);
                let ended = watch(child, timeout)?;
                Ok(judge(ended, &said(reader)?, timeout))
            }
        }
    };
    verdict().unwrap_or_else(|error| Verdict::Failed(format!("running the case: {error:#}")))
}

/// Runs the body in the child. Writes its error to the pipe, and exits.
fn child(writer: OwnedFd, body: impl FnOnce() -> anyhow::Result<()>) -> ! {
    let mut writer = File::from(writer);
    if let Ok(writer) = writer.try_clone() {
        std::panic::set_hook(Box::new(move |panic| {
            let _ = write!(&writer, "{panic}");
            std::process::abort();
        }));
    }
    // A process group for the case, so that its children can be killed with it.
    let _ = nix::unistd::setpgid(Pid::from_raw(0), Pid::from_raw(0));
    let code = match body() {
        Ok(()) => PASSED,
        Err(error) => {
            let _ = write!(writer, "{error:#}");
            if error.is::<Skip>() { SKIPPED } else { FAILED }
        }
    };
    // SAFETY: this ends the process at once, without what the parent prepared for its own exit.
    unsafe { libc::_exit(code) }
}

/// Waits for the child to end, and kills it after the timeout. Returns None if it survives even
/// that.
fn watch(child: Pid, timeout: Duration) -> anyhow::Result<Option<WaitStatus>> {
    let pidfd = sys::pidfd(child).context("watching the case")?;
    let deadline = Instant::now() + timeout;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let mut fds = [PollFd::new(pidfd.as_fd(), PollFlags::POLLIN)];
        let wait = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        match nix::poll::poll(&mut fds, wait) {
            Ok(0) if Instant::now() < deadline => {}
            Err(nix::errno::Errno::EINTR) => {}
            _ => break,
        }
    }
    let status = waitpid(child, Some(WaitPidFlag::WNOHANG)).context("asking for the case's end")?;
    // Kill whatever the case left behind, and the case itself if it still runs.
    let _ = killpg(child, Signal::SIGKILL);
    let status = match status {
        WaitStatus::StillAlive => reap(child).map(|_| WaitStatus::StillAlive),
        status => Some(status),
    };
    Ok(status)
}

/// Waits for a killed process to die. Returns None if it does not.
fn reap(child: Pid) -> Option<WaitStatus> {
    let deadline = Instant::now() + TO_DIE;
    while Instant::now() < deadline {
        match waitpid(child, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) => sleep(Duration::from_millis(20)),
            Ok(status) => return Some(status),
            Err(_) => return None,
        }
    }
    None
}

/// Returns all that the child wrote, even if some process still holds the write end.
fn said(reader: OwnedFd) -> anyhow::Result<String> {
    nix::fcntl::fcntl(&reader, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))
        .context("making the pipe not wait")?;
    let mut text = Vec::new();
    // EWOULDBLOCK means that the pipe is empty; what was read before it is in `text`.
    let _ = File::from(reader).read_to_end(&mut text);
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Derives the verdict from how the process ended.
fn judge(ended: Option<WaitStatus>, said: &str, timeout: Duration) -> Verdict {
    match ended {
        Some(WaitStatus::Exited(_, PASSED)) => Verdict::Passed,
        Some(WaitStatus::Exited(_, SKIPPED)) => Verdict::Skipped(said.into()),
        Some(WaitStatus::Exited(_, FAILED)) => Verdict::Failed(said.into()),
        Some(WaitStatus::Exited(_, code)) => Verdict::Failed(format!("exit code {code}: {said}")),
        Some(WaitStatus::Signaled(_, signal, _)) => {
            Verdict::Failed(format!("died of {signal}: {said}"))
        }
        Some(WaitStatus::StillAlive) => {
            Verdict::Failed(format!("no end after {timeout:?}, killed: {said}"))
        }
        None => Verdict::Failed(format!(
            "no end after {timeout:?}, and SIGKILL does not end it"
        )),
        Some(other) => Verdict::Failed(format!("ended as {other:?}: {said}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::skip;

    const LONG: Duration = Duration::from_secs(20);

    fn failed(verdict: Verdict) -> String {
        match verdict {
            Verdict::Failed(detail) => detail,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_case_ends_as_its_body_says() {
        assert_eq!(run_apart(LONG, || Ok(())), Verdict::Passed);
        assert_eq!(
            run_apart(LONG, || skip("none here")),
            Verdict::Skipped("none here".into())
        );
        assert_eq!(
            failed(run_apart(LONG, || anyhow::bail!("is not so"))),
            "is not so"
        );
    }

    #[test]
    fn a_panic_is_a_failure_that_says_what_it_said() {
        let detail = failed(run_apart(LONG, || panic!("no good")));
        assert!(
            detail.contains("no good") && detail.contains("SIGABRT"),
            "{detail}"
        );
    }

    #[test]
    fn a_crash_is_a_failure_that_names_the_signal() {
        let detail = failed(run_apart(LONG, || {
            nix::sys::signal::raise(Signal::SIGKILL)?;
            Ok(())
        }));
        assert!(detail.contains("SIGKILL"), "{detail}");
    }

    #[test]
    fn a_case_that_hangs_is_ended_and_said_so() {
        let started = Instant::now();
        let detail = failed(run_apart(Duration::from_millis(200), || {
            sleep(Duration::from_secs(600));
            Ok(())
        }));
        assert!(detail.contains("no end after 200ms"), "{detail}");
        assert!(started.elapsed() < LONG);
    }
}
