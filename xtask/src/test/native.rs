// SPDX-License-Identifier: GPL-2.0-only

//! The packages' life in a chroot, at native speed and with the real apt, dpkg and dkms: all but
//! loading. It also gives the module that the guests load.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::chroot::Chroot;
use crate::run::Cmd;
use crate::{modules, ui, warm};

use super::Bench;
use super::tally::Tally;

/// The version of the packages; they and this program take it from the same line.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Files that installing and removing any package changes, and dkms's own signing key, which it
/// makes once for a machine and all modules.
const CHANGES_ALWAYS: &[&str] = &[
    "/var/cache/",
    "/var/lib/apt/",
    "/var/lib/dkms/mok.",
    "/var/lib/dpkg/",
    "/var/log/",
];

/// Caches that are ours in spite of where they are.
const OURS: &[&str] = &["/var/cache/dkms-rust"];

/// A C module of the same size, as the yardstick.
const YARDSTICK: &str = "acpi-call";

/// Installs, looks, measures and purges; gives back the module that was built.
pub fn run(bench: &Bench<'_>, warm: &Path, tally: &mut Tally) -> Option<Vec<u8>> {
    let chroot = match open(bench, warm) {
        Ok(chroot) => chroot,
        Err(error) => {
            tally.fail("native/open", &format!("{error:#}"));
            return None;
        }
    };
    let before = match listing(&chroot) {
        Ok(before) => before,
        Err(error) => {
            tally.fail("native/list", &format!("{error:#}"));
            return None;
        }
    };
    tally.case("native/apt-install", || install(bench, &chroot));
    tally.case("native/dkms-status-says-installed", || {
        dkms_status(bench, &chroot)
    });
    let mut module = None;
    tally.case("native/module-is-where-modprobe-looks", || {
        module = Some(built_module(bench, &chroot)?);
        Ok(())
    });
    tally.case("native/build-time", || build_times(bench, &chroot));
    tally.case("native/purge-leaves-nothing", || {
        purge(bench, &chroot, &before)
    });
    module
}

fn open(bench: &Bench<'_>, warm: &Path) -> Result<Chroot> {
    let chroot = warm::with_repo(bench.project, &bench.checks, &bench.repo)?;
    warm::fill(&chroot, warm)?;
    Ok(chroot)
}

fn install(bench: &Bench<'_>, chroot: &Chroot) -> Result<()> {
    let output = chroot
        .cmd("apt-get")
        .args(["-q", "-y", "install", "procdriver-dkms"])
        .log(&bench.project.log("native")?)
        .run()?;
    ui::say(&format!(
        "  apt install took {:.1} s, the metadata being there",
        output.seconds
    ));
    Ok(())
}

fn dkms_status(bench: &Bench<'_>, chroot: &Chroot) -> Result<()> {
    let text = chroot
        .cmd("dkms")
        .args(["status", "procdriver"])
        .run()?
        .text;
    let wanted = format!("procdriver/{VERSION}, {}", bench.base.release);
    let installed = text
        .lines()
        .any(|line| line.starts_with(&wanted) && line.ends_with(": installed"));
    ensure!(
        installed,
        "dkms status says `{}`, wanted `{wanted}, ...: installed`",
        text.trim()
    );
    Ok(())
}

fn built_module(bench: &Bench<'_>, chroot: &Chroot) -> Result<Vec<u8>> {
    let folder = chroot
        .path()
        .join("usr/lib/modules")
        .join(&bench.base.release);
    let asked = ["-k", &bench.base.release, "-F", "filename", "procDriver"];
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

/// Prints how long dkms takes for ours and for a small C module; the machine may be busy, so the
/// figures judge nothing by themselves.
fn build_times(bench: &Bench<'_>, chroot: &Chroot) -> Result<()> {
    let status = chroot.cmd("dkms").args(["status", YARDSTICK]).run()?.text;
    let yardstick = status
        .split([',', ':'])
        .next()
        .filter(|name| name.contains('/'))
        .with_context(|| format!("dkms status {YARDSTICK} says `{}`", status.trim()))?;
    let ours = fastest(bench, chroot, &format!("procdriver/{VERSION}"))?;
    let theirs = fastest(bench, chroot, yardstick)?;
    ui::say(&format!(
        "  dkms build, fastest of 3: procdriver {ours:.1} s, {yardstick} {theirs:.1} s, ratio {:.2}",
        ours / theirs
    ));
    Ok(())
}

fn fastest(bench: &Bench<'_>, chroot: &Chroot, module: &str) -> Result<f64> {
    let mut best = f64::INFINITY;
    for _ in 0..3 {
        let output = chroot
            .cmd("dkms")
            .args(["build", "--force", module, "-k", &bench.base.release])
            .log(&bench.project.log("native-dkms")?)
            .run()?;
        best = best.min(output.seconds);
    }
    Ok(best)
}

fn purge(bench: &Bench<'_>, chroot: &Chroot, before: &BTreeSet<String>) -> Result<()> {
    chroot
        .cmd("apt-get")
        .args(["-q", "-y", "purge", "procdriver-dkms", "dkms-rust"])
        .log(&bench.project.log("native")?)
        .run()?;
    let after = listing(chroot)?;
    let left: Vec<&str> = after.difference(before).map(String::as_str).collect();
    let gone: Vec<&str> = before.difference(&after).map(String::as_str).collect();
    // The filled cache was put there before the packages; that purging takes it is right.
    let gone: Vec<&str> = gone.into_iter().filter(|path| !is_ours(path)).collect();
    if left.is_empty() && gone.is_empty() {
        return Ok(());
    }
    bail!("left behind: {left:?}; taken along: {gone:?}")
}

fn is_ours(path: &str) -> bool {
    OURS.iter().any(|ours| path.starts_with(ours))
}

/// The names of all files that should be the same before and after.
fn listing(chroot: &Chroot) -> Result<BTreeSet<String>> {
    // What is mounted inside is another file system, and so left out.
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
