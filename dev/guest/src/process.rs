// SPDX-License-Identifier: GPL-2.0-only

//! Other processes of a case, and making them less than root.

use anyhow::Context as _;
use anyhow::ensure;
use nix::sched::CloneFlags;
use nix::sys::wait::WaitStatus;
use nix::sys::wait::waitpid;
use nix::unistd::ForkResult;
use nix::unistd::Gid;
use nix::unistd::Pid;
use nix::unistd::Uid;

use crate::check::same;

const NOBODY: u32 = 65534;

/// Starts a child of the case, which must have one thread; the child exits with 0 if all is well.
pub fn fork_to(body: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<Pid> {
    // SAFETY: this process has one thread, so the child may do whatever a process may.
    match unsafe { nix::unistd::fork() }.context("forking")? {
        ForkResult::Parent { child } => Ok(child),
        ForkResult::Child => {
            let result = body();
            if let Err(error) = &result {
                eprintln!("guest: in a child of the case: {error:#}");
            }
            // SAFETY: ends the process at once, as the case's own process will.
            unsafe { libc::_exit(i32::from(result.is_err())) }
        }
    }
}

/// Waits for a child's end, which must be a good one.
pub fn ended_well(child: Pid) -> anyhow::Result<()> {
    same(
        "end of the child",
        waitpid(child, None),
        Ok(WaitStatus::Exited(child, 0)),
    )
}

/// Runs it in a child, to its end.
pub fn in_child(body: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<()> {
    ended_well(fork_to(body)?)
}

/// Gives this process namespaces of its own.
pub fn unshare(namespaces: CloneFlags) -> anyhow::Result<()> {
    nix::sched::unshare(namespaces).with_context(|| format!("unshare of {namespaces:?}"))
}

/// Makes this process nobody's, for good, and looks that it is.
pub fn become_nobody() -> anyhow::Result<()> {
    let (user, group) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
    nix::unistd::setgroups(&[]).context("leaving all groups")?;
    nix::unistd::setresgid(group, group, group).context("becoming group nobody")?;
    nix::unistd::setresuid(user, user, user).context("becoming nobody")?;
    let status = std::fs::read_to_string("/proc/self/status").context("reading our status")?;
    for line in status
        .lines()
        .filter(|line| line.starts_with("Cap") && !line.starts_with("CapBnd"))
    {
        ensure!(
            line.ends_with("\t0000000000000000"),
            "nobody still has rights: {line}"
        );
    }
    Ok(())
}
