// SPDX-License-Identifier: GPL-2.0-only

//! The tarball of a suite, which mmdebstrap makes once: a system with compilers and dkms-rust.

use super::chroot::{OUTPUT, apart, create, end_of, remove};
use super::config::{Fleet, Suite};
use crate::pack::field;
use crate::system::mounts::separate;
use crate::system::names_in;
use crate::system::run::{status, step};
use crate::system::search::program;
use anyhow::{Context, Result, ensure};
use rustix::fs::statvfs;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What every chroot has besides the fleet's packages.
const ALWAYS: &str = "ca-certificates,dkms,gpg";

/// The packages of dkms-rust that a chroot gets if they are among the fleet's files.
const OURS: [&str; 4] = [
    "dkms-rust",
    "dkms-rust-common",
    "dkms-rust-core",
    "dkms-rust-sources",
];

/// What a suite takes while it is built, in bytes: its tarball, and the chroot that is made of it.
const TAKES: u64 = 4 << 30;

/// How many characters of a digest are part of a file name.
const DIGITS: usize = 16;

/// Returns the tarball of a suite. Makes it unless one of the same files and settings is there.
///
/// # Errors
///
/// If mmdebstrap fails.
pub fn make(fleet: &Fleet, suite: &Suite, debs: &[PathBuf]) -> Result<PathBuf> {
    let folder = fleet.directory.join("chroots");
    fs::create_dir_all(&folder).with_context(|| format!("can't create {}", folder.display()))?;
    let installed = chosen(fleet, debs)?;
    let key = key(fleet, suite, &installed)?;
    let path = folder.join(format!("{}-{key}.tar", suite.name));
    if path.exists() {
        return Ok(path);
    }
    for old in names_in(&folder) {
        if is_tarball_of(&old, &suite.name) {
            fs::remove_file(folder.join(old)).ok();
        }
    }
    let new = path.with_extension("new.tar");
    // mmdebstrap's own choice is /tmp, which may be in memory: this takes 2 GB.
    let temporary = folder.join(format!("{}.root-{}", suite.name, std::process::id()));
    fs::create_dir_all(&temporary)
        .with_context(|| format!("can't create {}", temporary.display()))?;
    let log = folder.join(format!("{}.log", suite.name));
    let mut make = command(fleet, suite, &installed, &new);
    make.env("TMPDIR", &temporary);
    let file = create(&log)?;
    make.stdout(file.try_clone()?).stderr(file);
    let made = step(&format!("{}: making its chroot", suite.name), || {
        // If it is killed, its mounts go with it.
        let ended = apart(|| separate().and_then(|()| status(&mut make, "mmdebstrap")))?;
        ensure!(
            ended.success(),
            "mmdebstrap failed{}:\n{}\nThe complete log is in {}",
            hint(&folder),
            errors(&log),
            log.display()
        );
        Ok(())
    });
    remove(&temporary).ok();
    made?;
    fs::rename(&new, &path).with_context(|| format!("can't write {}", path.display()))?;
    Ok(path)
}

/// Whether a file is an older tarball of a suite, or one that was begun. Other suites' names may begin
/// with the same letters.
fn is_tarball_of(file: &str, suite: &str) -> bool {
    let rest = file
        .strip_prefix(suite)
        .and_then(|rest| rest.strip_prefix('-'));
    let digest = rest.and_then(|rest| rest.split('.').next());
    digest.is_some_and(|digest| {
        digest.len() == DIGITS && digest.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// Returns the command that makes a suite's tarball, with these packages installed.
fn command(fleet: &Fleet, suite: &Suite, installed: &[PathBuf], to: &Path) -> Command {
    let mut make = Command::new(program("mmdebstrap"));
    make.args(["--variant=apt", "--format=tar"]);
    let include = [vec![ALWAYS.to_owned()], fleet.include.clone()].concat();
    make.arg(format!("--include={}", include.join(",")));
    for option in &fleet.apt_options {
        make.arg(format!("--aptopt={option}"));
    }
    if let Some(architecture) = &suite.architecture {
        make.arg(format!("--architectures={architecture}"));
    }
    let files: Vec<String> = installed
        .iter()
        .map(|deb| quoted(&deb.to_string_lossy()))
        .collect();
    make.arg(format!("--customize-hook=mkdir \"$1\"{OUTPUT}"));
    make.arg(format!(
        "--customize-hook=copy-in {} {OUTPUT}",
        files.join(" ")
    ));
    make.arg(format!(
        "--customize-hook=chroot \"$1\" sh -c 'apt-get -q -y --no-install-recommends install \
         {OUTPUT}/*.deb && rm {OUTPUT}/*.deb'"
    ));
    // Otherwise dkms would build for the kernel's image too, on which Debian's headers may depend.
    make.arg("--customize-hook=touch \"$1\"/etc/dkms/no-autoinstall");
    make.arg(suite.base.as_ref().unwrap_or(&suite.name)).arg(to);
    make.arg(&suite.sources);
    make
}

/// Returns the files that a chroot gets: the DKMS packages, and dkms-rust.
fn chosen(fleet: &Fleet, debs: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut chosen = Vec::new();
    for deb in debs {
        let package = field(deb, "Package")?;
        if fleet.packages.contains(&package) || OURS.contains(&&*package) {
            chosen.push(deb.clone());
        }
    }
    Ok(chosen)
}

/// Identifies everything that goes into a suite's tarball.
fn key(fleet: &Fleet, suite: &Suite, debs: &[PathBuf]) -> Result<String> {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&read(&suite.sources)?);
    for word in [&suite.base, &suite.architecture].into_iter().flatten() {
        hasher.update(word.as_bytes());
    }
    for word in fleet.include.iter().chain(&fleet.apt_options) {
        hasher.update(blake3::hash(word.as_bytes()).as_bytes());
    }
    for deb in debs {
        hasher.update(blake3::hash(&read(deb)?).as_bytes());
    }
    Ok(hasher.finalize().to_hex()[..DIGITS].to_owned())
}

fn read(file: &Path) -> Result<Vec<u8>> {
    fs::read(file).with_context(|| format!("can't read {}", file.display()))
}

/// Returns apt's errors in a log, the first of which tells most; if there are none, its end.
fn errors(log: &Path) -> String {
    const LINES: usize = 3;
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let errors = text.lines().filter(|line| line.starts_with("E: "));
    let errors: Vec<&str> = errors.take(LINES).collect();
    match errors.is_empty() {
        true => end_of(log),
        false => errors.join("\n"),
    }
}

/// Returns what to add to an error in a directory whose file system is nearly full. When the error is
/// seen, what filled it is gone, and a log on it is not complete.
fn hint(folder: &Path) -> String {
    let free = statvfs(folder).map_or(u64::MAX, |stat| stat.f_bavail * stat.f_frsize);
    match free < TAKES {
        true => format!(
            ", and {} has only {} MB free (a suite takes {} MB)",
            folder.display(),
            free >> 20,
            TAKES >> 20
        ),
        false => String::new(),
    }
}

/// Quotes a word for a shell.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suite_removes_only_tarballs_of_its_own() {
        let digest = "0123456789abcdef";
        for (file, own) in [
            (format!("trixie-{digest}.tar"), true),
            (format!("trixie-{digest}.new.tar"), true),
            (format!("trixie-backports-{digest}.tar"), false),
            ("trixie.log".into(), false),
        ] {
            assert_eq!(is_tarball_of(&file, "trixie"), own, "{file}");
        }
    }

    #[test]
    fn the_first_errors_are_shown_or_the_end() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        fs::write(&log, "a\nE: 1\nb\nE: 2\nE: 3\nE: 4\n").unwrap();
        assert_eq!(errors(&log), "E: 1\nE: 2\nE: 3");
        fs::write(&log, "a\nb\n").unwrap();
        assert_eq!(errors(&log), "a\nb");
    }

    #[test]
    fn a_quoted_word_is_one_word_to_the_shell() {
        for word in ["a b", "it's", "$(id)", "'"] {
            let line = format!("printf %s {}", quoted(word));
            let said = Command::new("sh").args(["-c", &line]).output().unwrap();
            assert_eq!(String::from_utf8(said.stdout).unwrap(), word);
        }
    }
}
