// SPDX-License-Identifier: GPL-2.0-only

//! Starts make and the compilers. This program runs itself under another name, prepares the new
//! process, and then executes make. Everything that make starts inherits this preparation.

use crate::system::confine::confine;
use anyhow::{Context, Result, ensure};
use std::env;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use rustix::process::{Signal, set_parent_process_death_signal};

/// The name under which dkms-rust is called to start a program.
const NAME: &str = "dkms-rust-launch";

/// The name under which dkms-rust is called to start a program that is confined to a directory.
const CONFINED: &str = "dkms-rust-confine";

/// The kernel's link to the running program. It still works after a package upgrade has replaced
/// the program's file.
const MYSELF: &str = "/proc/self/exe";

/// The file that sets how soon a process is killed when memory is short, and the value for "first".
const OOM: (&str, &str) = ("/proc/self/oom_score_adj", "1000");

/// Returns the path of this program's file. If a package upgrade has replaced the file, this is the
/// path of the new one.
///
/// # Errors
///
/// If the path is not known, or there is no such file.
pub fn own_path() -> Result<PathBuf> {
    let path = env::current_exe().context("can't find the path of this program")?;
    file_of(&path)
}

/// What the kernel adds to the path of a running program whose file was removed.
const DELETED: &str = " (deleted)";

fn file_of(path: &Path) -> Result<PathBuf> {
    let text = path.to_string_lossy();
    let path = match text.strip_suffix(DELETED) {
        Some(real) if !path.exists() => PathBuf::from(real),
        _ => path.to_owned(),
    };
    ensure!(path.is_file(), "{} does not exist any more", path.display());
    Ok(path)
}

/// Builds a command that starts `program` in this way.
pub fn command(program: &Path) -> Command {
    let mut command = Command::new(MYSELF);
    command.arg0(NAME).arg(program);
    command
}

/// Builds a command that starts `program` in the directory `tree`. As far as the kernel permits,
/// the program can't write elsewhere and has no network.
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
        eprintln!(
            "{}: only dkms-rust runs this program",
            Path::new(&name).display()
        );
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

/// Prepares this process for make and everything that it starts. The build continues even if a step
/// is not permitted.
fn prepare() {
    // If memory runs out, a compiler is what the machine can best do without.
    fs::write(OOM.0, OOM.1).ok();
    // If dkms-rust is killed, make gets SIGTERM and ends the compilers.
    set_parent_process_death_signal(Some(Signal::TERM)).ok();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_was_replaced_is_the_new_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("dkms-rust");
        let deleted = dir.path().join("dkms-rust (deleted)");
        assert!(file_of(&deleted).is_err());
        fs::write(&path, "").unwrap();
        assert_eq!(file_of(&deleted).unwrap(), path);
        assert_eq!(file_of(&path).unwrap(), path);
    }
}
