// SPDX-License-Identifier: GPL-2.0-only

//! The packages of this repository in a root, and what dkms-rust says there.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::debian::chroot::{self, Chroot};
use crate::debian::root::Root;
use crate::host::project::Project;
use crate::host::{files, mounts};
use crate::package::repo;

/// Where the apt repository is shown in a root.
pub const REPO: &str = "/srv/repo";

/// A root whose apt knows the local repository, and nothing else.
pub fn with_repo(project: &Project, root: &Root, repo: &Path) -> Result<Chroot> {
    let mut chroot = Chroot::new(project, root)?;
    chroot::without_sources(chroot.path())?;
    chroot.bind(repo, REPO)?;
    let sources = chroot
        .path()
        .join("etc/apt/sources.list.d")
        .join(repo::SOURCES);
    files::write(&sources, repo::sources_at(repo, REPO)?)?;
    chroot
        .cmd("apt-get")
        .args(["-q", "update", "--error-on=any"])
        .log(&project.log("apt")?)
        .run()?;
    Ok(chroot)
}

/// The same with the packaged dkms-rust installed.
pub fn with_dkms_rust(project: &Project, root: &Root, repo: &Path, log: &Path) -> Result<Chroot> {
    let chroot = with_repo(project, root, repo)?;
    chroot
        .cmd("apt-get")
        .args(["-q", "-y", "install", "dkms-rust"])
        .log(log)
        .run()?;
    Ok(chroot)
}

/// The root with both packages installed, as a layer: apt brings them while no kernel is to be
/// seen, so that nothing is built yet.
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

/// The answer of `dkms-rust check`.
#[derive(Deserialize)]
pub struct Check {
    /// Whether it will build.
    pub buildable: bool,
    /// The kernel's class.
    pub class: Option<String>,
    /// How it will build.
    pub way: Option<String>,
    /// The rustc that it takes, as rustc itself says it.
    pub rustc: Option<String>,
    /// Why it will not build.
    pub reason: Option<String>,
    /// What to type then.
    pub mend: Option<String>,
}

/// What dkms-rust says of a kernel; that it refuses is an answer.
pub fn check(chroot: &Chroot, release: &str) -> Result<Check> {
    let line = format!("dkms-rust check --json -k '{release}' || [ $? = 77 ]");
    let text = chroot.sh(&line).stdout()?;
    serde_json::from_str(&text).with_context(|| format!("dkms-rust check said `{text}`"))
}

/// The compiler that built a kernel: the last word of
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
