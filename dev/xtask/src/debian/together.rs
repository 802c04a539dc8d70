// SPDX-License-Identifier: GPL-2.0-only

//! Tests several kernels of different classes in one root: apt installs the driver for all of them,
//! and dkms and dkms-rust report the same.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::debian::chroot::Chroot;
use crate::debian::root::Root;
use crate::debian::{packaged, warm};
use crate::host::project::Project;
use crate::host::ui;

/// The DKMS package.
const PACKAGE: &str = "procdriver";
/// The version of the packages. They and this program inherit it from the workspace.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The part of `dkms-rust status --json` that is needed here.
#[derive(Deserialize)]
struct Report {
    kernels: Vec<Line>,
}

#[derive(Deserialize)]
struct Line {
    kernel: String,
    buildable: bool,
    modules: Vec<Module>,
}

#[derive(Deserialize)]
struct Module {
    package: String,
    /// The version that modprobe loads.
    installed: Option<String>,
}

/// Installs the packages in a root with several kernels, and checks the result. The driver must be
/// installed for all kernels in `served`.
pub fn check(
    project: &Project,
    root: &Root,
    repo: &Path,
    cache: &Path,
    served: &[&str],
) -> Result<()> {
    let chroot = packaged::with_repo(project, root, repo)?;
    warm::fill(&chroot, cache)?;
    let output = chroot
        .cmd("apt-get")
        .args(["-q", "-y", "install", "procdriver-dkms"])
        .log(&project.log("together")?)
        .run()?;
    ui::say(&format!("  apt install took {:.1} s", output.seconds));
    agree(&chroot, served)
}

/// Fails unless dkms and dkms-rust name the same kernels: all that can be built for, and among them
/// those in `served`.
pub fn agree(chroot: &Chroot, served: &[&str]) -> Result<()> {
    let dkms = chroot.cmd("dkms").args(["status", PACKAGE]).stdout()?;
    // Exit status 1 means that a kernel is not served; the report says which one. 2 is for things
    // that can't be known in a chroot.
    let line = "dkms-rust status --all --json || [ $? -le 2 ]";
    let status = chroot.sh(line).stdout()?;
    let report: Report = serde_json::from_str(&status)
        .with_context(|| format!("dkms-rust status said `{status}`"))?;
    compare(&of_dkms(&dkms), &report.kernels, served)
}

fn compare(dkms: &BTreeSet<&str>, lines: &[Line], served: &[&str]) -> Result<()> {
    let named = |wanted: &dyn Fn(&Line) -> bool| -> BTreeSet<&str> {
        lines
            .iter()
            .filter(|line| wanted(line))
            .map(|line| &*line.kernel)
            .collect()
    };
    let ours =
        |module: &Module| module.package == PACKAGE && module.installed.as_deref() == Some(VERSION);
    let has = |line: &Line| line.modules.iter().any(ours);
    let rust = named(&has);
    ensure!(
        *dkms == rust,
        "dkms status says that it is installed for {dkms:?}, dkms-rust status for {rust:?}"
    );
    let buildable = named(&|line| line.buildable);
    ensure!(
        rust == buildable,
        "dkms-rust can build for {buildable:?}, but it is installed for {rust:?}"
    );
    for kernel in served {
        ensure!(
            rust.contains(kernel),
            "it is not installed for {kernel}, only for {rust:?}"
        );
    }
    Ok(())
}

/// Returns the kernels of lines such as `procdriver/0.1.0, 7.3.4+deb13-amd64, x86_64: installed`.
fn of_dkms(status: &str) -> BTreeSet<&str> {
    let package = format!("{PACKAGE}/{VERSION}");
    status
        .lines()
        .filter(|line| line.ends_with(": installed"))
        .filter_map(|line| line.strip_prefix(&package)?.strip_prefix(", "))
        .filter_map(|rest| rest.split(',').next())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(kernel: &str, buildable: bool, installed: bool) -> Line {
        Line {
            kernel: kernel.into(),
            buildable,
            modules: vec![Module {
                package: PACKAGE.into(),
                installed: installed.then(|| VERSION.into()),
            }],
        }
    }

    #[test]
    fn what_dkms_only_built_or_another_version_does_not_count() {
        let status = format!(
            "procdriver/{VERSION}, 6, x86_64: installed\nprocdriver/{VERSION}, 7, x86_64: built\n\
             procdriver/0.0.1, 8, x86_64: installed\n"
        );
        assert_eq!(of_dkms(&status), BTreeSet::from(["6"]));
    }

    #[test]
    fn both_have_to_name_the_same_kernels_and_all_that_can_be_built_for() {
        let lines = [line("6", true, true), line("7", false, false)];
        assert!(compare(&BTreeSet::from(["6"]), &lines, &["6"]).is_ok());
        assert!(compare(&BTreeSet::from(["6", "7"]), &lines, &[]).is_err());
        assert!(compare(&BTreeSet::from(["6"]), &lines, &["7"]).is_err());
        let left_out = [line("6", true, true), line("7", true, false)];
        assert!(compare(&BTreeSet::from(["6"]), &left_out, &[]).is_err());
    }
}
