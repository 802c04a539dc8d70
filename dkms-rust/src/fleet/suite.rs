// SPDX-License-Identifier: GPL-2.0-only

//! Builds for the kernels of one suite, one after the other, in its chroot.

use super::chroot::{self, Chroot};
use super::config::{Fleet, Suite};
use super::offers::{HEADERS, IMAGE, OfferedKernel, candidate, kernel_of, offers};
use super::state::{Entry, State};
use super::tarball;
use crate::kernel::build_result::BuildResult;
use crate::kernel::refusal::Refusal;
use crate::pack::field;
use crate::pack::meta::Meta;
use crate::status::prebuilt::package_name;
use crate::system::child::interrupted;
use crate::system::dkms_conf::values;
use crate::system::print::tell;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// One suite while it is built.
pub struct SuiteBuild<'a> {
    /// The fleet.
    pub fleet: &'a Fleet,
    /// The suite.
    pub suite: &'a Suite,
    /// The fleet's files.
    pub debs: &'a [PathBuf],
    /// What was built before, of all suites.
    pub state: &'a Mutex<State>,
    /// Whether to build again what was refused or failed with the same inputs.
    pub again: bool,
}

/// A DKMS package in a chroot.
pub struct Dkms<'a> {
    /// The Debian package.
    package: &'a str,
    /// Its name in dkms.
    pub name: String,
    /// Its version in dkms.
    pub version: String,
}

impl SuiteBuild<'_> {
    /// Returns the directory for the packages of the suite.
    pub fn output(fleet: &Fleet, suite: &Suite) -> PathBuf {
        fleet.directory.join("suites").join(&suite.name)
    }

    /// Builds what is new, and returns the entries of all kernels that the archive offers now.
    ///
    /// # Errors
    ///
    /// If the chroot can't be made or the archive can't be read. A kernel for which a build fails is
    /// an entry.
    pub fn run(&self) -> Result<Vec<Entry>> {
        let (fleet, suite) = (self.fleet, self.suite);
        let output = Self::output(fleet, suite);
        fs::create_dir_all(&output)
            .with_context(|| format!("can't create {}", output.display()))?;
        chroot::sweep(&fleet.directory.join("chroots"), suite);
        let tarball = tarball::make(fleet, suite, self.debs)?;
        let chroot = self.open(&tarball)?;
        chroot.must(&["apt-get", "-q", "update", "--error-on=any"])?;
        chroot.must(&["apt-get", "-q", "-y", "dist-upgrade"])?;
        let (_, architecture) = chroot.ask(&["dpkg", "--print-architecture"])?;
        let architecture = architecture.trim();
        let offers = offers(&chroot, suite)?;
        if offers.is_empty() {
            say(
                suite,
                &format!(
                    "the archive offers no kernel that matches {}",
                    suite.kernels.join(" or ")
                ),
            );
        }
        let mut entries = Vec::new();
        for package in &fleet.packages {
            let dkms = Dkms::find(&chroot, package)?;
            for offer in &offers {
                if interrupted() {
                    bail!("interrupted");
                }
                let inputs = self.inputs(&chroot, &dkms, offer)?;
                let entry = Entry {
                    suite: suite.name.clone(),
                    architecture: architecture.to_owned(),
                    kernel: offer.release.clone(),
                    package: package.clone(),
                    inputs,
                    version: dkms.version.clone(),
                    rebuild: 0,
                    result: BuildResult::Failed,
                    deb: None,
                    reason: None,
                    seconds: 0,
                };
                entries.push(self.one(&chroot, &dkms, entry, &output)?);
            }
            for flavour in &suite.flavours {
                self.meta(&chroot, &dkms, flavour, &entries, &output)?;
            }
        }
        Ok(entries)
    }

    fn open(&self, tarball: &Path) -> Result<Chroot> {
        let (fleet, name) = (self.fleet, &self.suite.name);
        let folder = fleet.directory.join("chroots");
        let root = folder.join(format!("{name}.root-{}", std::process::id()));
        let log = fleet.directory.join(format!("{name}.log"));
        Chroot::open(tarball, root, self.mounts(), log)
    }

    /// Identifies everything that decides what comes out.
    fn inputs(&self, chroot: &Chroot, dkms: &Dkms<'_>, offer: &OfferedKernel) -> Result<String> {
        // A kernel's source is the same in every dkms-rust-sources that has it.
        let packages = ["dkms-rust-common", "dkms-rust", dkms.package];
        let query = ["dpkg-query", "-W", "-f", "${Package} ${Version}\n"];
        let (_, installed) = chroot.ask(&[&query[..], &packages].concat())?;
        let certificate = match &self.fleet.certificate {
            Some(path) => {
                fs::read(path).with_context(|| format!("can't read {}", path.display()))?
            }
            None => Vec::new(),
        };
        let mut hasher = blake3::Hasher::new();
        for part in [installed.as_bytes(), offer.version.as_bytes(), &certificate] {
            hasher.update(blake3::hash(part).as_bytes());
        }
        Ok(hasher.finalize().to_hex()[..32].to_owned())
    }

    /// Builds for one kernel, unless that was done before.
    fn one(&self, chroot: &Chroot, dkms: &Dkms<'_>, new: Entry, output: &Path) -> Result<Entry> {
        let before = self.state().find(&new).cloned();
        if let Some(before) = before.as_ref().filter(|before| before.inputs == new.inputs) {
            let deb = before.deb.as_ref().map(|deb| output.join(deb));
            let there = deb.as_ref().is_some_and(|deb| deb.exists());
            if there || before.result != BuildResult::Built && !self.again {
                return Ok(before.clone());
            }
        }
        let start = Instant::now();
        let mut entry = new;
        let built = self.build(chroot, dkms, &mut entry, before.as_ref(), output);
        if interrupted() {
            bail!("interrupted");
        }
        entry.seconds = start.elapsed().as_secs();
        let what = format!("{} for {}", dkms.name, entry.kernel);
        match built {
            Ok(deb) => {
                say(self.suite, &format!("{what}: built in {} s", entry.seconds));
                entry.result = BuildResult::Built;
                entry.deb = Some(deb);
            }
            Err(error) => {
                let (result, word) = match error.downcast_ref::<Refusal>() {
                    Some(_) => (BuildResult::Refused, "can't be built"),
                    None => (BuildResult::Failed, "failed"),
                };
                say(self.suite, &format!("{what}: {word}: {error:#}"));
                entry.result = result;
                entry.reason = Some(format!("{error:#}"));
            }
        }
        self.state().set(entry.clone())?;
        Ok(entry)
    }

    /// Builds for one kernel, and returns the name of the package. `before` is the last result.
    fn build(
        &self,
        chroot: &Chroot,
        dkms: &Dkms<'_>,
        entry: &mut Entry,
        before: Option<&Entry>,
        output: &Path,
    ) -> Result<String> {
        let headers = format!("{HEADERS}{}", entry.kernel);
        chroot.must(&[
            "apt-get",
            "-q",
            "-y",
            "--no-install-recommends",
            "install",
            &headers,
        ])?;
        let old = before.and_then(|before| Some((before, output.join(before.deb.as_ref()?))));
        let packed = self.pack_new(chroot, dkms, entry, old.as_ref());
        // Whoever builds for many kernels has no room for all of them.
        let image = format!("{IMAGE}{}", entry.kernel);
        let mut purge = vec!["apt-get", "-q", "-y", "--purge", "autoremove", &headers];
        if chroot.ask(&["dpkg-query", "-W", &image])?.0.success() {
            purge.push(&image);
        }
        chroot.must(&purge)?;
        let deb = packed?;
        let name = deb.file_name().context("a package without a name")?;
        let to = output.join(name);
        fs::rename(&deb, &to).with_context(|| format!("can't write {}", to.display()))?;
        if let Some((_, old)) = old.filter(|(_, old)| *old != to) {
            fs::remove_file(old).ok();
        }
        Ok(name.to_string_lossy().into_owned())
    }

    /// Makes the package that leads to the modules for the newest kernel of a flavour.
    fn meta(
        &self,
        chroot: &Chroot,
        dkms: &Dkms<'_>,
        flavour: &str,
        entries: &[Entry],
        output: &Path,
    ) -> Result<()> {
        let image = format!("{IMAGE}{flavour}");
        let Some(version) = candidate(chroot, &image)? else {
            bail!("{}: the archive has no {image}", self.suite.name);
        };
        let (_, shown) = chroot.ask(&["apt-cache", "show", &format!("{image}={version}")])?;
        let release = kernel_of(&shown).with_context(|| format!("{image} depends on no kernel"))?;
        let deb = entries.iter().find(|entry| {
            entry.package == dkms.package && entry.kernel == release && entry.deb.is_some()
        });
        let Some(deb) = deb.and_then(|entry| entry.deb.as_ref()) else {
            say(
                self.suite,
                &format!(
                    "{}-modules-{flavour} is not updated: there is no module for {release}",
                    dkms.name
                ),
            );
            return Ok(());
        };
        let deb = output.join(deb);
        let meta = Meta {
            name: &dkms.name,
            version: &dkms.version,
            flavour,
            kernel_version: &version,
            modules: &package_name(&dkms.name, release),
            architecture: &field(&deb, "Architecture")?,
            maintainer: &field(&deb, "Maintainer")?,
        };
        let path = output.join(meta.file());
        if !path.exists() {
            meta.write(&output.join(".meta"), &path)?;
        }
        Ok(())
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a> Dkms<'a> {
    /// Finds the source of an installed DKMS package.
    fn find(chroot: &Chroot, package: &'a str) -> Result<Self> {
        let (_, files) = chroot.ask(&["dpkg-query", "-L", package])?;
        let conf = files
            .lines()
            .find(|file| file.starts_with("/usr/src/") && file.ends_with("/dkms.conf"));
        let conf =
            conf.with_context(|| format!("{package} is not installed, or is not a DKMS package"))?;
        let text = fs::read_to_string(chroot.at(conf));
        let text = text.with_context(|| format!("can't read {conf} of {package}"))?;
        let value = |name: &str| {
            let value = values(&text, name).next();
            value.with_context(|| format!("{conf} of {package} has no {name}"))
        };
        Ok(Self {
            package,
            name: value("PACKAGE_NAME")?,
            version: value("PACKAGE_VERSION")?,
        })
    }
}

/// Prints what happens for a suite.
fn say(suite: &Suite, text: &str) {
    tell(format_args!("{}: {text}", suite.name));
}
