// SPDX-License-Identifier: GPL-2.0-only

//! Tests the packages in a chroot at native speed, with the real apt, dpkg and dkms: everything but
//! loading. Also returns the modules that the guests load.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::debian::chroot::Chroot;
use crate::debian::setup::Setup;
use crate::debian::{modules, packaged, together, warm};
use crate::host::run::Cmd;
use crate::host::{files, ui};

use super::prebuilt::{self, Prebuilt};
use super::tally::Tally;

/// The version of the packages. They and this program inherit it from the workspace.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Files that change when any package is installed or removed, and dkms's own signing key, which is
/// made once per machine for all modules.
const CHANGES_ALWAYS: &[&str] = &[
    "/var/cache/",
    "/var/lib/apt/",
    "/var/lib/dkms/mok.",
    "/var/lib/dpkg/",
    "/var/log/",
];

/// Our own directories among them.
const OURS: &[&str] = &["/var/cache/dkms-rust", "/var/lib/dkms-rust"];

/// The yardstick: a C module of the same size.
const YARDSTICK: &str = "acpi-call";

/// A built module.
pub struct Built {
    /// The kernel that it is for.
    pub release: String,
    /// Its content, not compressed.
    pub module: Vec<u8>,
    /// The certificate of the key with which dkms signed it.
    pub certificate: Vec<u8>,
}

/// What was built, for the guests.
#[derive(Default)]
pub struct Products {
    /// The modules that dkms built, one for each kernel.
    pub modules: Vec<Built>,
    /// What was packed for the first kernel.
    pub prebuilt: Option<Prebuilt>,
}

/// Installs, checks, measures and purges the packages. Returns the modules that were built.
pub fn run(setup: &Setup<'_>, caches: &[PathBuf], tally: &mut Tally) -> Products {
    let mut modules = Vec::new();
    let chroot = match open(setup, caches) {
        Ok(chroot) => chroot,
        Err(error) => {
            tally.fail("native/open", &format!("{error:#}"));
            return Products::default();
        }
    };
    let before = match listing(&chroot) {
        Ok(before) => before,
        Err(error) => {
            tally.fail("native/list", &format!("{error:#}"));
            return Products::default();
        }
    };
    tally.case("native/apt-install", || install(setup, &chroot));
    tally.case("native/dkms-and-dkms-rust-say-installed", || {
        let releases: Vec<&str> = setup.releases.iter().map(String::as_str).collect();
        together::agree(&chroot, &releases)
    });
    for release in &setup.releases {
        tally.case(
            &format!("native/{release}/module-is-where-modprobe-looks"),
            || {
                modules.push(Built {
                    release: release.clone(),
                    module: built_module(&chroot, release)?,
                    certificate: certificate(&chroot)?,
                });
                Ok(())
            },
        );
        tally.case(
            &format!("native/{release}/tree-does-not-name-where-it-was-made"),
            || where_it_was_made(&chroot, release),
        );
        tally.case(&format!("native/{release}/build-time"), || {
            build_times(setup, &chroot, release)
        });
    }
    let prebuilt = prebuilt::run(setup, &chroot, &setup.base.release, VERSION, tally);
    tally.case("native/purge-leaves-nothing", || {
        purge(setup, &chroot, &before)
    });
    Products { modules, prebuilt }
}

fn open(setup: &Setup<'_>, caches: &[PathBuf]) -> Result<Chroot> {
    let chroot = packaged::with_repo(setup.project, &setup.checks, &setup.repo)?;
    for cache in caches {
        warm::fill(&chroot, cache)?;
    }
    Ok(chroot)
}

fn install(setup: &Setup<'_>, chroot: &Chroot) -> Result<()> {
    let output = chroot
        .cmd("apt-get")
        .args(["-q", "-y", "install", "procdriver-dkms"])
        .log(&setup.project.log("native")?)
        .run()?;
    ui::say(&format!(
        "  apt install took {:.1} s, the metadata being there",
        output.seconds
    ));
    Ok(())
}

fn built_module(chroot: &Chroot, release: &str) -> Result<Vec<u8>> {
    let folder = chroot.path().join("usr/lib/modules").join(release);
    let asked = ["-k", release, "-F", "filename", "procDriver"];
    let path = chroot.cmd("modinfo").args(asked).run()?.text;
    let name = Path::new(path.trim())
        .file_name()
        .context("modinfo gave no file")?
        .to_owned();
    let module: PathBuf = folder.join("updates/dkms").join(&name);
    let bytes = modules::decompressed(&module)?;
    ui::say(&format!(
        "  {} has {} bytes, decompressed",
        module.display(),
        bytes.len()
    ));
    Ok(bytes)
}

/// Fails if the build tree has the name of the directory in which it was made. That name is another
/// each time, so the same source would not give the same module.
fn where_it_was_made(chroot: &Chroot, release: &str) -> Result<()> {
    let tree = format!("/var/cache/dkms-rust/{release}");
    let name = format!("{release}/.new-");
    let found = chroot.cmd("grep").args(["-rlaF", &name, &tree]).try_run()?;
    found.must_end_with(1)
}

/// Returns dkms's certificate. dkms makes it, with its key, before it signs its first module.
fn certificate(chroot: &Chroot) -> Result<Vec<u8>> {
    let path = chroot.path().join("var/lib/dkms/mok.pub");
    files::bytes(&path)
}

/// Prints how long dkms takes for our module and for a small C module. This has no pass criterion:
/// the machine may be busy.
fn build_times(setup: &Setup<'_>, chroot: &Chroot, release: &str) -> Result<()> {
    let status = chroot.cmd("dkms").args(["status", YARDSTICK]).run()?.text;
    let yardstick = status
        .split([',', ':'])
        .next()
        .filter(|name| name.contains('/'))
        .with_context(|| format!("dkms status {YARDSTICK} says `{}`", status.trim()))?;
    let ours = fastest(setup, chroot, release, &format!("procdriver/{VERSION}"))?;
    let theirs = fastest(setup, chroot, release, yardstick)?;
    ui::say(&format!(
        "  dkms build for {release}, fastest of 3: procdriver {ours:.1} s, {yardstick} {theirs:.1} s, ratio {:.2}",
        ours / theirs
    ));
    Ok(())
}

fn fastest(setup: &Setup<'_>, chroot: &Chroot, release: &str, module: &str) -> Result<f64> {
    let mut best = f64::INFINITY;
    for _ in 0..3 {
        let output = chroot
            .cmd("dkms")
            .args(["build", "--force", module, "-k", release])
            .log(&setup.project.log("native-dkms")?)
            .run()?;
        best = best.min(output.seconds);
    }
    Ok(best)
}

fn purge(setup: &Setup<'_>, chroot: &Chroot, before: &BTreeSet<String>) -> Result<()> {
    chroot
        .cmd("apt-get")
        .args([
            "-q",
            "-y",
            "purge",
            "procdriver-dkms",
            "dkms-rust",
            "dkms-rust-common",
        ])
        .log(&setup.project.log("native")?)
        .run()?;
    let after = listing(chroot)?;
    let left: Vec<&str> = after.difference(before).map(String::as_str).collect();
    let gone: Vec<&str> = before.difference(&after).map(String::as_str).collect();
    // The filled cache was there before the packages. Purge is right to remove it.
    let gone: Vec<&str> = gone.into_iter().filter(|path| !is_ours(path)).collect();
    if left.is_empty() && gone.is_empty() {
        return Ok(());
    }
    bail!("left behind: {left:?}; taken along: {gone:?}")
}

fn is_ours(path: &str) -> bool {
    OURS.iter().any(|ours| path.starts_with(ours))
}

/// Lists the names of all files that should be the same before and after.
fn listing(chroot: &Chroot) -> Result<BTreeSet<String>> {
    // Mounts are other file systems, so they are left out.
    let text = Cmd::new("find")
        .arg(chroot.path())
        .args([
            "-xdev", "-path", "*/tmp/*", "-prune", "-o", "-printf", "/%P\\n",
        ])
        .stdout()?;
    Ok(text
        .lines()
        .filter(|path| counts(path))
        .map(str::to_owned)
        .collect())
}

fn counts(path: &str) -> bool {
    is_ours(path) || !CHANGES_ALWAYS.iter().any(|folder| path.starts_with(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apts_own_files_do_not_count_and_ours_do() {
        assert!(!counts("/var/lib/dpkg/info/procdriver-dkms.list"));
        assert!(!counts("/var/cache/apt/pkgcache.bin"));
        assert!(counts("/var/cache/dkms-rust/7.3.4"));
        assert!(counts("/var/lib/dkms/procdriver"));
        assert!(counts("/etc/modules-load.d/x.conf"));
    }
}
