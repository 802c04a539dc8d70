// SPDX-License-Identifier: GPL-2.0-only

//! Tests dkms-rust-sources and dkms-rust-core for the tested kernels, on a machine with neither
//! linux-source nor rust-src, and with no bindgen but dkms-rust's own.

use std::path::Path;

use anyhow::{Context, Result};

use crate::debian::chroot::Chroot;
use crate::debian::kernel::Kernel;
use crate::debian::setup::Setup;
use crate::debian::{packaged, slices};
use crate::host::mounts;
use crate::package::repo;

use super::package_checks;
use super::tally::Tally;

/// Removes what the packages replace, and installs dkms-rust as users do.
const INSTALL: &str = "apt-get -q -y purge rust-src 'linux-source-*' bindgen 'libclang*-dev' && \
     apt-get -q -y --install-recommends install dkms-rust && dpkg -s dkms-rust-sources dkms-rust-core && \
     ! ls /usr/src/linux-source-* /usr/src/rustc-* /usr/bin/bindgen && \
     for K in $RELEASES; do dkms-rust check -k $K || exit 1; done";

/// Checks that either package is named if it is missing, and that the printed command installs it.
const MENDED: &str = "for missing in sources core; do \
         dpkg --purge --force-depends dkms-rust-$missing; \
         for K in $RELEASES; do dkms-rust check -k $K; done; \
         $(dkms-rust check -k $R 2>&1 | sed -n 's/ *mend: //p') -q -y || exit; done; \
     dkms-rust check -k $R";

const CORE: &str = "source of Rust's library for .*: it is missing\n *mend: apt install \
                    dkms-rust-core\n";
const SLICE: &str = "is not installed; it is needed to rebuild the Rust metadata\n *mend: apt \
                     install dkms-rust-sources\n";

/// Checks that the packages are enough for a rebuild, and that the kernel does not need its slice
/// afterwards.
const REBUILT: &str = "dkms-rust kdir -k $R && dpkg --purge --force-depends dkms-rust-sources && \
     dkms-rust check -k $R && rm -r /var/cache/dkms-rust && \
     dkms-rust check -k $R; test -s /var/lib/dkms-rust/source/$R.tar.xz && echo its slice is kept";

/// Makes the packages, and runs these checks.
pub fn run(setup: &Setup<'_>, tally: &mut Tally) {
    tally.cases("sources", "dkms-rust-sources", |tally| {
        let kernels: Vec<Kernel> = setup
            .base
            .offered
            .iter()
            .filter(|kernel| setup.releases.contains(&kernel.release))
            .cloned()
            .collect();
        let debs = slices::of_root(setup.project, &setup.checks, &setup.repo, &kernels)?;
        let work = mounts::scratch_folder(setup.project)?;
        let repo = work.path().join("repo");
        repo::of(setup.debs.iter().chain(&debs), &repo, &repo)?;
        let chroot = packaged::with_repo(setup.project, &setup.checks, &repo)?;
        tally.case("sources/lintian", || {
            debs.iter().try_for_each(|deb| {
                let name = deb.file_name().context("a package without a name")?;
                let file = Path::new(packaged::REPO).join(name);
                package_checks::lintian(setup, &chroot, &file)
            })
        });
        for (name, line, says) in [
            ("is-all-that-it-takes", INSTALL, &[][..]),
            ("is-what-mends", MENDED, &[CORE, SLICE]),
            (
                "is-needed-once",
                REBUILT,
                &["metadata kept", "its slice is kept\n"],
            ),
        ] {
            tally.case(&format!("sources/{name}"), || {
                step(setup, &chroot, line, says)
            });
        }
        Ok(())
    });
}

/// Runs a line. `R` is the newest kernel, `RELEASES` are all.
fn step(setup: &Setup<'_>, chroot: &Chroot, line: &str, says: &[&str]) -> Result<()> {
    let releases = &setup.releases;
    let set = format!("R='{}'; RELEASES='{}'", releases[0], releases.join(" "));
    let output = chroot
        .sh(&format!("{set}; {line}"))
        .log(&setup.project.log("sources")?)
        .try_run()?;
    output.must_end_with(0)?;
    says.iter().try_for_each(|says| output.must_say(says))
}
