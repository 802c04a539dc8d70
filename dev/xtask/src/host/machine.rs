// SPDX-License-Identifier: GPL-2.0-only

//! What the developer's machine must have. Looks for programs, and installs missing ones with apt
//! if run as root.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::host::files;
use crate::host::run::Cmd;
use crate::host::ui;

/// A program, and the Debian package that contains it.
pub type Need = (&'static str, &'static str);

/// Programs for `xtask deb`.
pub const DEB: &[Need] = &[("xz", "xz-utils")];

/// Programs for `xtask repo`.
pub const REPO: &[Need] = &[("gpg", "gpg"), ("gpg-agent", "gpg-agent")];

/// Programs for making a Debian root.
pub const PROVISION: &[Need] = &[("mmdebstrap", "mmdebstrap"), ("xz", "xz-utils")];

/// Programs for booting a Debian root.
pub const BOOT: &[Need] = &[
    ("qemu-system-x86_64", "qemu-system-x86"),
    ("mke2fs", "e2fsprogs"),
];

/// Returns the programs for all tasks that boot a guest.
pub fn for_guests() -> Vec<Need> {
    [DEB, REPO, PROVISION, BOOT].concat()
}

/// Returns whether this process runs as root.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Finds a program in PATH, or in the directories that are only in root's PATH.
pub fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin"].map(PathBuf::from))
        .map(|dir| dir.join(program))
        .find(|file| file.is_file())
}

/// Makes sure that these programs are installed: installs missing ones if root, fails otherwise.
pub fn need(needs: &[Need]) -> Result<()> {
    let missing: Vec<&Need> = needs
        .iter()
        .filter(|(program, _)| find(program).is_none())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> = missing.iter().map(|(_, package)| *package).collect();
    let list = packages.join(" ");
    if !is_root() {
        bail!(
            "missing on this machine: {list}. Run: apt-get install --no-install-recommends {list}"
        );
    }
    if find("apt-get").is_none() {
        bail!("missing on this machine: {list}, and there is no apt-get to install them with");
    }
    ui::step(&format!("install on this machine: {list}"), || {
        install(&packages)
    })?;
    match missing.iter().find(|(program, _)| find(program).is_none()) {
        None => Ok(()),
        Some((program, package)) => {
            bail!("apt installed {package}, but {program} is still not in PATH")
        }
    }
}

fn install(packages: &[&str]) -> Result<()> {
    let apt = |args: &[&str]| {
        Cmd::new("apt-get")
            .args(["-q", "-y"])
            .args(args)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .run()
    };
    let ask = [&["install", "--no-install-recommends"], packages].concat();
    // The package lists may be missing (fresh image) or old. Update them only if needed.
    if apt(&ask).is_err() {
        apt(&["update"]).context("apt-get update failed on this machine")?;
        apt(&ask)?;
    }
    Ok(())
}

/// Fails unless run as root. `what` is the task to name in the error.
pub fn need_root(what: &str) -> Result<()> {
    if is_root() {
        return Ok(());
    }
    bail!("{what} needs root (it makes and mounts a Debian root): run it with sudo")
}

/// Fails if this machine is not amd64.
pub fn need_amd64() -> Result<()> {
    if cfg!(target_arch = "x86_64") {
        return Ok(());
    }
    bail!(
        "the test guests are amd64 so far, and this machine is {}",
        env::consts::ARCH
    )
}

/// Returns the value of a field in the text of an os-release file.
pub fn os_release(text: &str, field: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let (name, value) = line.split_once('=')?;
        (name == field).then(|| value.trim_matches(['"', '\'']).to_owned())
    })
}

/// Reads the os-release file of this machine.
pub fn read_os_release() -> Result<String> {
    let path = Path::new("/etc/os-release");
    files::text(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_there_is_found_and_another_is_not() {
        assert!(find("sh").is_some());
        assert_eq!(find("no-such-program"), None);
    }

    #[test]
    fn os_release_fields_lose_their_quotes() {
        let text = "NAME=\"Debian GNU/Linux\"\nVERSION_CODENAME=trixie\nID='debian'\n";
        assert_eq!(
            os_release(text, "NAME").as_deref(),
            Some("Debian GNU/Linux")
        );
        assert_eq!(
            os_release(text, "VERSION_CODENAME").as_deref(),
            Some("trixie")
        );
        assert_eq!(os_release(text, "ID").as_deref(), Some("debian"));
        assert_eq!(os_release(text, "CODENAME"), None);
    }
}
