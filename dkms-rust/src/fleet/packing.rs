// SPDX-License-Identifier: GPL-2.0-only

//! Runs `dkms-rust pack` in a suite's chroot.

use super::chroot::{Chroot, OUTPUT};
use super::state::Entry;
use super::suite::{Dkms, SuiteBuild};
use crate::kernel::refusal::Refusal;
use crate::pack::is_in_token;
use anyhow::{Result, ensure};
use std::fs;
use std::path::PathBuf;

/// Where a chroot sees the key, its certificate and the configuration of OpenSSL.
const KEY: &str = "/srv/fleet/key";
const CERTIFICATE: &str = "/srv/fleet/certificate";
const OPENSSL_CONFIG: &str = "/srv/fleet/openssl.cnf";

impl SuiteBuild<'_> {
    /// Returns what the chroot sees of this machine, and where.
    pub(super) fn mounts(&self) -> Vec<(PathBuf, PathBuf)> {
        let fleet = self.fleet;
        let same = fleet.mounts.iter().map(|path| (path.clone(), path.clone()));
        let key = fleet.key_file();
        let key = key.map(|key| (key.to_owned(), PathBuf::from(KEY)));
        let certificate = fleet.certificate.iter();
        let certificate = certificate.map(|path| (path.clone(), PathBuf::from(CERTIFICATE)));
        let config = fleet.openssl_config.iter();
        let config = config.map(|path| (path.clone(), PathBuf::from(OPENSSL_CONFIG)));
        same.chain(key).chain(certificate).chain(config).collect()
    }

    /// Packs the modules. A package that differs from the old one of the same version gets a higher
    /// version.
    pub(super) fn pack_new(
        &self,
        chroot: &Chroot,
        dkms: &Dkms<'_>,
        entry: &mut Entry,
        old: Option<&(&Entry, PathBuf)>,
    ) -> Result<PathBuf> {
        let Some((before, old)) = old.filter(|(before, _)| before.version == entry.version) else {
            return self.pack(chroot, dkms, entry);
        };
        entry.rebuild = before.rebuild;
        if !old.exists() {
            // The repository has the lost package, and the same inputs give it again.
            entry.rebuild += u32::from(before.inputs != entry.inputs);
            return self.pack(chroot, dkms, entry);
        }
        let deb = self.pack(chroot, dkms, entry)?;
        if fs::read(&deb)? == fs::read(old)? {
            return Ok(deb);
        }
        fs::remove_file(&deb)?;
        entry.rebuild += 1;
        self.pack(chroot, dkms, entry)
    }

    /// Runs `dkms-rust pack` in the chroot, and returns where its package is on this machine.
    fn pack(&self, chroot: &Chroot, dkms: &Dkms<'_>, entry: &Entry) -> Result<PathBuf> {
        let release = &*entry.kernel;
        let source = format!("{}/{}", dkms.name, dkms.version);
        let rebuild = entry.rebuild.to_string();
        let config = format!("OPENSSL_CONF={OPENSSL_CONFIG}");
        let mut args = Vec::new();
        if self.fleet.openssl_config.is_some() {
            args.extend(["env", &config]);
        }
        args.extend(["dkms-rust", "pack", &source, "-k", release, "-o", OUTPUT]);
        args.extend(["--rebuild", &rebuild]);
        if let Some(key) = &self.fleet.key {
            let key = if is_in_token(key) { key } else { KEY };
            args.extend(["--key", key, "--certificate", CERTIFICATE]);
        }
        let refused = Some(i32::from(Refusal::EXIT));
        let mut mark = chroot.mark();
        let (mut ended, mut said) = chroot.ask(&args)?;
        if ended.code() == refused {
            // It may only be the source that is missing.
            let fetch = ["dkms-rust", "source", "-k", release, "--fetch"];
            if chroot.ask(&fetch)?.0.success() {
                mark = chroot.mark();
                (ended, said) = chroot.ask(&args)?;
            }
        }
        let all = chroot.since(mark);
        if ended.code() == refused {
            let why = reason(&all, release);
            return Err(Refusal::final_(&release.parse()?, why).into());
        }
        ensure!(
            ended.success(),
            "dkms-rust pack failed ({ended}):\n{}",
            all.trim_end()
        );
        Ok(chroot.at(said.trim()))
    }
}

/// Returns why dkms-rust refused a kernel, from what it said.
fn reason(said: &str, release: &str) -> String {
    let start = format!("dkms-rust: {release}: ");
    let mut lines = said.lines().rev();
    let line = lines.find_map(|line| line.strip_prefix(&start));
    line.unwrap_or("no reason given").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_the_last_that_was_said_of_the_kernel() {
        let said = "dkms-rust: 7-amd64: reading x ...\ndkms-rust: 7-amd64: no source\n  mend: y\n";
        assert_eq!(reason(said, "7-amd64"), "no source");
        assert_eq!(reason("x", "7-amd64"), "no reason given");
    }
}
