// SPDX-License-Identifier: GPL-2.0-only

//! The packages of this repository in a root, and what dkms-rust reports there.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::debian::chroot::{self, Chroot};
use crate::debian::root::Root;
use crate::host::project::Project;
use crate::host::{files, mounts};
use crate::package::repo;

/// The path of the apt repository inside a root.
pub const REPO: &str = "/srv/repo";

/// Makes a chroot whose apt knows only the local repository.
pub fn with_repo(project: &Project, root: &Root, repo: &Path) -> Result<Chroot> {
    let mut chroot = Chroot::new(project, root)?;
    chroot::without_sources(chroot.path())?;
    offer(&mut chroot, repo)?;
    chroot
        .cmd("apt-get")
        .args(["-q", "update", "--error-on=any"])
        .log(&project.log("apt")?)
        .run()?;
    Ok(chroot)
}

/// Adds a local repository to a chroot's apt sources.
pub fn offer(chroot: &mut Chroot, repo: &Path) -> Result<()> {
    chroot.bind(repo, REPO)?;
    let sources = chroot.path().join("etc/apt/sources.list.d");
    let sources = sources.join(repo::SOURCES);
    files::write(&sources, repo::sources_at(repo, REPO)?)
}

/// Like [`with_repo`], with the packaged dkms-rust installed.
pub fn with_dkms_rust(project: &Project, root: &Root, repo: &Path, log: &Path) -> Result<Chroot> {
    let chroot = with_repo(project, root, repo)?;
    chroot
        .cmd("apt-get")
        .args(["-q", "-y", "install", "dkms-rust"])
        .log(log)
        .run()?;
    Ok(chroot)
}

/// Adds a layer with both packages installed but nothing built: apt installs them while no kernel
/// is visible.
pub fn unbuilt(project: &Project, root: &Root, repo: &Path, layer: &Path) -> Result<Root> {
    let mut chroot = with_repo(project, root, repo)?;
    let nothing = mounts::scratch_folder(project)?;
    chroot.bind(nothing.path(), "/usr/lib/modules")?;
    chroot
        .cmd("apt-get")
        .args(["-q", "-y", "install", "procdriver-dkms"])
        .log(&project.log("matrix-install")?)
        .run()?;
    chroot.keep(layer)?;
    Ok(root.with_layer(layer))
}

/// The result of `dkms-rust check`.
#[derive(Deserialize)]
pub struct Check {
    /// Whether it can build for the kernel.
    pub buildable: bool,
    /// The kernel's class.
    pub class: Option<String>,
    /// The way in which it would build.
    pub way: Option<String>,
    /// The rustc that it would use, as rustc prints its version.
    pub rustc: Option<String>,
    /// The reason for a refusal.
    pub reason: Option<String>,
    /// The command that fixes a refusal.
    pub mend: Option<String>,
}

/// Returns what dkms-rust says about a kernel. A refusal is not an error.
pub fn check(chroot: &Chroot, release: &str) -> Result<Check> {
    let line = format!("dkms-rust check --json -k '{release}' || [ $? = 77 ]");
    let text = chroot.sh(&line).stdout()?;
    serde_json::from_str(&text).with_context(|| format!("dkms-rust check said `{text}`"))
}

/// Returns the version of the compiler that built a kernel: the last word of
/// `x86_64-linux-gnu-gcc-14 (Debian 14.2.0-19) 14.2.0` in its configuration.
pub fn gcc(chroot: &Chroot, release: &str) -> Option<String> {
    let config = chroot.path().join(format!("boot/config-{release}"));
    let text = fs::read_to_string(config).ok()?;
    compiler(&text).map(str::to_owned)
}

fn compiler(config: &str) -> Option<&str> {
    config
        .lines()
        .find_map(|line| line.strip_prefix("CONFIG_CC_VERSION_TEXT="))?
        .trim_matches('"')
        .split_whitespace()
        .last()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compiler_is_read_from_the_configuration() {
        let config = "CONFIG_A=y\nCONFIG_CC_VERSION_TEXT=\"x-gcc-14 (Debian 14.2.0-19) 14.2.0\"\n";
        assert_eq!(compiler(config), Some("14.2.0"));
        assert_eq!(compiler("CONFIG_A=y\n"), None);
    }

    #[test]
    fn a_refusal_is_read_with_its_reason() {
        let check: Check =
            serde_json::from_str(r#"{"kernel":"6","buildable":false,"reason":"old","mend":"x"}"#)
                .unwrap();
        assert!(!check.buildable && check.class.is_none());
        assert_eq!(check.reason.as_deref(), Some("old"));
    }
}
