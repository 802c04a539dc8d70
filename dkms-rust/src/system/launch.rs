// SPDX-License-Identifier: GPL-2.0-only

//! The one way in which make and the compilers are started: by this program, which makes itself
//! ready for it and then becomes make. All that make starts is in the same state.

use crate::system::confine::confine;
use std::env;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};

use rustix::process::{Signal, set_parent_process_death_signal};

/// The name under which dkms-rust is called for this.
const NAME: &str = "dkms-rust-launch";

/// The same, for what is to be confined to a directory.
const CONFINED: &str = "dkms-rust-confine";

/// The kernel's own link to the running program, which also leads there when a package's upgrade
/// has put another into its place.
const MYSELF: &str = "/proc/self/exe";

/// Where a process says how soon it is killed when memory is short, and the value for "first".
const OOM: (&str, &str) = ("/proc/self/oom_score_adj", "1000");

/// A command that starts `program` in this way.
pub fn command(program: &Path) -> Command {
    let mut command = Command::new(MYSELF);
    command.arg0(NAME).arg(program);
    command
}

/// A command that starts `program` in the directory `tree`, and as far as the kernel has the means
/// has it write nowhere else and reach no network.
pub fn confined(program: &Path, tree: &Path) -> Command {
    let mut command = Command::new(MYSELF);
    command.arg0(CONFINED).args([tree, program]);
    command
}

/// Becomes the program if this process was started by [`command`] or [`confined`].
pub fn run_if_called() -> Option<ExitCode> {
    let mut args = env::args_os();
    let name = args.next()?;
    let tree = match name.to_str()? {
        NAME => None,
        CONFINED => args.next(),
        _ => return None,
    };
    let Some(program) = args.next() else {
        eprintln!("{}: only dkms-rust starts this", Path::new(&name).display());
        return Some(ExitCode::FAILURE);
    };
    prepare();
    if let Some(tree) = tree {
        confine(Path::new(&tree));
    }
    let error = Command::new(&program).args(args).exec();
    let program = Path::new(&program).display();
    eprintln!("dkms-rust: can't run {program}: {error}");
    Some(ExitCode::from(127))
}

/// What holds for make and for all that it starts. Where something can't be had, it builds all the
/// same.
fn prepare() {
    // If memory runs out, a compiler is what the machine can do without.
    fs::write(OOM.0, OOM.1).ok();
    // If dkms-rust is killed, make is asked to end, and asks the compilers.
    set_parent_process_death_signal(Some(Signal::TERM)).ok();
}
