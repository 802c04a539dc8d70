// SPDX-License-Identifier: GPL-2.0-only

//! The one way in which make and the compilers are started: by this program, which makes itself
//! ready for it and then becomes make. All that make starts is in the same state.

use std::env;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};

use rustix::process::{Signal, set_parent_process_death_signal};

/// The name under which dkms-rust is called for this.
const NAME: &str = "dkms-rust-launch";

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

/// Becomes the program if this process was started by [`command`].
pub fn run_if_called() -> Option<ExitCode> {
    let mut args = env::args_os();
    if args.next()? != NAME {
        return None;
    }
    let Some(program) = args.next() else {
        eprintln!("{NAME}: only dkms-rust starts this");
        return Some(ExitCode::FAILURE);
    };
    prepare();
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
