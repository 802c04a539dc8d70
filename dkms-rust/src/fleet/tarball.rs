// SPDX-License-Identifier: GPL-2.0-only

//! The tarballs of chroots. mmdebstrap makes one for a suite, and again if what goes into it changes.

use super::chroot::{OUTPUT, create, end_of};
use super::config::{Fleet, Suite};
use crate::pack::field;
use crate::system::names_in;
use crate::system::run::{status, step};
use crate::system::search::program;
use anyhow::{Context, Result, ensure};
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
        if old.starts_with(&format!("{}-", suite.name)) {
            fs::remove_file(folder.join(old)).ok();
        }
    }
    let new = path.with_extension("new.tar");
    let log = folder.join(format!("{}.log", suite.name));
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
    make.arg(suite.base.as_ref().unwrap_or(&suite.name))
        .arg(&new);
    make.arg(&suite.sources);
    let file = create(&log)?;
    make.stdout(file.try_clone()?).stderr(file);
    step(&format!("{}: make its chroot", suite.name), || {
        let ended = status(&mut make, "mmdebstrap")?;
        ensure!(ended.success(), "mmdebstrap failed:\n{}", end_of(&log));
        Ok(())
    })?;
    fs::rename(&new, &path).with_context(|| format!("can't write {}", path.display()))?;
    Ok(path)
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

/// Quotes a word for a shell.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_word_is_one_word_to_the_shell() {
        for word in ["a b", "it's", "$(id)", "'"] {
            let line = format!("printf %s {}", quoted(word));
            let said = Command::new("sh").args(["-c", &line]).output().unwrap();
            assert_eq!(String::from_utf8(said.stdout).unwrap(), word);
        }
    }
}
