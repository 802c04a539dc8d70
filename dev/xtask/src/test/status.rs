// SPDX-License-Identifier: GPL-2.0-only

//! Tests `dkms-rust status` on machines that were modified, and whether the commands that it names
//! mend them. The cases are in `cases/status.rs`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::debian::chroot::Chroot;
use crate::debian::root::Root;
use crate::debian::setup::Setup;
use crate::debian::{packaged, warm};
use crate::host::mounts;
use crate::test::cases::status::{CASES, Status};

use super::tally::Tally;

/// The version of the packages. They and this program inherit it from the workspace.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Runs each case in its own root.
pub fn run(setup: &Setup<'_>, caches: &[PathBuf], tally: &mut Tally) {
    let what = format!("{} cases of dkms-rust status", CASES.len());
    tally.cases("status", &what, |tally| {
        let work = mounts::scratch_folder(setup.project)?;
        let root = installed(setup, caches, &work.path().join("installed"))?;
        for case in CASES {
            tally.case(&format!("status/{}", case.name), || one(setup, &root, case));
        }
        Ok(())
    });
}

/// Makes a root with the driver installed for the first kernel, and signed: openssl is among the
/// tests' tools. Removes the other kernels.
fn installed(setup: &Setup<'_>, caches: &[PathBuf], layer: &Path) -> Result<Root> {
    let chroot = packaged::with_repo(setup.project, &setup.checks, &setup.repo)?;
    let [cache, ..] = caches else {
        bail!("there is no metadata to build with");
    };
    warm::fill(&chroot, cache)?;
    let [release, others @ ..] = &setup.releases[..] else {
        bail!("no kernel is tested");
    };
    for other in others {
        let line = format!("rm -r /lib/modules/{other} /boot/*-{other}");
        chroot.sh(&line).run()?;
    }
    // depmod reads all modules each time, so keep only a few.
    let few =
        format!("find /lib/modules/{release}/kernel -name '*.ko.*' ! -path '*/lib/*' -delete");
    let link = format!("ln -sf boot/vmlinuz-{release} /vmlinuz");
    chroot.without_secure_boot()?;
    let line = format!("{few}; {link}; apt-get -q -y install procdriver-dkms");
    chroot.sh(&line).log(&setup.project.log("status")?).run()?;
    chroot.keep(layer)?;
    Ok(setup.checks.with_layer(layer))
}

fn one(setup: &Setup<'_>, root: &Root, case: &Status) -> Result<()> {
    let log = setup.project.log("status")?;
    let chroot = Chroot::new(setup.project, root)?;
    let release = &setup.releases[0];
    let sh = |text: &str| {
        let set = format!("R='{release}'; V={VERSION}; M=/lib/modules/$R");
        chroot.sh(&format!("{set}; {text}")).log(&log)
    };
    sh(&format!("set -e; {}", case.prepare))
        .run()
        .context("to prepare")?;
    let output = sh("dkms-rust status").try_run()?;
    output.must_end_with(case.exit)?;
    for says in case.says {
        output.must_say(says)?;
    }
    if case.mends {
        for command in mends(&output.text) {
            sh(command)
                .run()
                .with_context(|| format!("to mend it by `{command}`"))?;
        }
        let output = sh("dkms-rust status").try_run()?;
        output.must_end_with(0).context("after what mends it")?;
    }
    Ok(())
}

fn mends(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .filter_map(|line| line.trim().strip_prefix("mend: "))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use regex::Regex;

    use super::*;

    #[test]
    fn every_case_has_a_name_of_its_own_and_patterns_that_compile() {
        let names: BTreeSet<&str> = CASES.iter().map(|case| case.name).collect();
        assert_eq!(names.len(), CASES.len());
        for pattern in CASES.iter().flat_map(|case| case.says) {
            assert!(Regex::new(pattern).is_ok(), "{pattern}");
        }
    }

    #[test]
    fn a_mend_is_what_stands_behind_the_word() {
        let text = "* 7  yes\n     p: stale\n       mend: dkms install a\n";
        assert_eq!(mends(text).collect::<Vec<_>>(), ["dkms install a"]);
    }
}
