// SPDX-License-Identifier: GPL-2.0-only

//! Tests a booted Debian whose kernel loads only modules signed by a known key, and does not know
//! dkms's key, nor that of those who built a prebuilt module: the output of apt, the packages and
//! `dkms-rust status`.

use std::path::Path;

use anyhow::{Context, Result};

use crate::debian::chroot::Chroot;
use crate::debian::setup::Setup;
use crate::guest::full_guest::{self, Payload, SIGNING};
use crate::guest::outcome::{Outcome, show_cases};
use crate::host::{files, mounts, ui};
use crate::package::repo;

use super::prebuilt::Prebuilt;
use super::tally::Tally;

/// Boots the full guest and counts its cases.
pub fn run(setup: &Setup<'_>, warm: &Path, prebuilt: Option<&Prebuilt>, tally: &mut Tally) {
    tally.guest("signing", boot(setup, warm, prebuilt));
}

fn boot(setup: &Setup<'_>, warm: &Path, prebuilt: Option<&Prebuilt>) -> Result<Outcome> {
    const NAME: &str = "guest-signing";
    let prebuilt = prebuilt.context("nothing was packed")?;
    let packed = mounts::scratch_folder(setup.project)?;
    repo::of([&prebuilt.deb], packed.path(), Path::new("/"))?;
    let [key, certificate] = keys(setup)?;
    let payload = Payload {
        script: SIGNING,
        words: "module.sig_enforce=1",
        files: &[("mok.key", &key), ("mok.pub", &certificate)],
        repo: &setup.repo,
        more: &[("packed", packed.path())],
        timeout: full_guest::TIMEOUT,
        warm,
    };
    let what = "install with apt where the kernel does not know dkms's key";
    let on_line = &mut show_cases("");
    ui::step(what, || {
        full_guest::run(setup.project, &setup.base, &payload, NAME, on_line)
    })
}

/// Returns the key and the certificate, as dkms makes them itself if openssl is installed.
fn keys(setup: &Setup<'_>) -> Result<[Vec<u8>; 2]> {
    let chroot = Chroot::new(setup.project, &setup.checks)?;
    let log = setup.project.log("signing")?;
    chroot.cmd("dkms").arg("generate_mok").log(&log).run()?;
    let read = |name: &str| {
        let path = chroot.path().join("var/lib/dkms").join(name);
        files::bytes(&path)
    };
    Ok([read("mok.key")?, read("mok.pub")?])
}
