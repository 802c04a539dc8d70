// SPDX-License-Identifier: GPL-2.0-only

//! Child processes of a case, and giving up root's privileges.

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

/// Starts a child of the case's process, which must have one thread. The child exits with 0 if
/// `body` succeeds.
pub fn fork_to(body: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<Pid> {
    // SAFETY: this process has one thread, so the child may do whatever a process may.
    match unsafe { nix::unistd::fork() }.context("forking")? {
        ForkResult::Parent { child } => Ok(child),
        ForkResult::Child => {
            let result = body();
            if let Err(error) = &result {
                eprintln!("guest: in a child of the case: {error:#}");
            }
            // SAFETY: this ends the process at once; the case's own process ends in the same way.
            unsafe { libc::_exit(i32::from(result.is_err())) }
        }
    }
}

/// Waits for a child to end, and checks that it exited with 0.
pub fn ended_well(child: Pid) -> anyhow::Result<()> {
    same(
        "end of the child",
        waitpid(child, None),
        Ok(WaitStatus::Exited(child, 0)),
    )
}

/// Runs `body` in a child and waits for its end.
pub fn in_child(body: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<()> {
    ended_well(fork_to(body)?)
}

/// Moves this process into new namespaces.
pub fn unshare(namespaces: CloneFlags) -> anyhow::Result<()> {
    nix::sched::unshare(namespaces).with_context(|| format!("unshare of {namespaces:?}"))
}

/// Makes this process run as nobody, for good, and checks that it has no capabilities left.
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
