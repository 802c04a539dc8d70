// SPDX-License-Identifier: GPL-2.0-only

//! One run of `configure` or `retry` for one package: what has to be built for which kernel, and what
//! is done before and after.

use super::kernel_build::KernelBuild;
use super::load;
use super::logs;
use super::origin::Origin;
use super::planned::Planner;
use super::prebuilt;
use super::records::Records;
use super::say::Voice;
use super::source::DkmsSource;
use super::switch;
use crate::kernel::release::Release;
use crate::status;
use crate::status::outcomes::{Outcome, Outcomes};
use crate::status::prebuilt::Prebuilt;
use crate::system::System;
use crate::system::child::interrupted;
use std::collections::BTreeMap;
use std::io;

/// One run for one package.
pub struct Run<'a> {
    system: &'a System,
    planner: Planner,
    voice: &'a Voice,
    source: &'a DkmsSource,
    outcomes: Outcomes,
    records: Records<'a>,
    /// Build only what is missing, and report only news.
    quiet: bool,
    built: Vec<Release>,
    /// Why results could not be recorded.
    unsaved: Option<io::Error>,
}

impl<'a> Run<'a> {
    /// Prepares a run.
    pub fn new(
        system: &'a System,
        planner: Planner,
        voice: &'a Voice,
        source: &'a DkmsSource,
        outcomes: Outcomes,
        quiet: bool,
    ) -> Self {
        Self {
            system,
            planner,
            voice,
            source,
            outcomes,
            records: Records::of(system, &source.name),
            quiet,
            built: Vec::new(),
            unsaved: None,
        }
    }

    /// Does everything, and records and reports it.
    pub fn all(mut self) {
        let registered = self.registered();
        self.remember(|_| {});
        if registered {
            self.build_and_load();
        }
        if let Some(error) = &self.unsaved {
            let state = self.system.shown(&self.system.state());
            let voice = self.voice;
            voice.say(format!("can't record the results in {state}: {error}"));
        }
    }

    /// Remembers a change of the kernels' results at once: a run takes minutes, in which dkms's hook
    /// may remember results of its own.
    fn remember(&mut self, change: impl Fn(&mut BTreeMap<String, Outcome>)) {
        let mine = self.outcomes.clone();
        let saved = Outcomes::change(self.system, &self.source.name, |there| {
            let mut kernels = std::mem::take(&mut there.kernels);
            change(&mut kernels);
            *there = Outcomes { kernels, ..mine };
        });
        match saved {
            Ok(there) => self.outcomes = there,
            Err(error) => {
                change(&mut self.outcomes.kernels);
                self.unsaved = Some(error);
            }
        }
    }

    /// Registers the source with dkms. Returns whether dkms has it.
    fn registered(&mut self) -> bool {
        let DkmsSource {
            version, folder, ..
        } = self.source;
        if self.quiet && self.outcomes.registered && !self.records.exists(version) {
            // The administrator removed it (dkms remove --all).
            return false;
        }
        match self.records.register(self.source) {
            Ok(()) => self.outcomes.registered = true,
            Err(_) if interrupted() => return false,
            Err(error) => {
                let folder = self.system.shown(folder);
                self.voice
                    .say(format!("nothing was built: dkms did not accept {folder}:"));
                self.voice.quote(format!("{error:#}"));
                self.outcomes.registered = false;
            }
        }
        self.outcomes.registered
    }

    fn build_and_load(&mut self) {
        let DkmsSource { name, version, .. } = self.source;
        let kernels = Release::kernels(self.system);
        let is_off = |release| switch::off(self.system, self.source, Some(release)).is_some();
        let file = switch::off(self.system, self.source, None);
        if let Some(file) = file.filter(|_| kernels.iter().all(is_off)) {
            if !self.quiet {
                let by_hand = format!("by hand: dkms install {name}/{version}");
                self.voice.say(format!(
                    "not built: {file} turns automatic builds off; {by_hand}"
                ));
            }
            return;
        }
        let is_here = |release: &str| kernels.iter().any(|kernel| kernel.as_str() == release);
        for release in self.outcomes.kernels.keys() {
            if let (false, Ok(release)) = (is_here(release), release.parse()) {
                logs::drop(self.system, name, &release);
            }
        }
        self.remember(|there| there.retain(|release, _| is_here(release)));
        let mut mendable = false;
        for release in &kernels {
            if interrupted() {
                return;
            }
            mendable |= self.build_for(release);
        }
        if interrupted() {
            return;
        }
        if mendable {
            self.voice
                .say(format!("after fixing this, type: {}", self.source.again()));
        }
        let excluded = |release: &Release| self.is_excluded(release);
        self.records
            .retire(self.source, &kernels, self.voice, excluded);
        if !self.quiet && kernels.is_empty() {
            self.voice
                .say("no kernel is installed here, so nothing was built");
        }
        // If nothing was built for the running kernel, the loaded module must not be touched.
        let running = load::running(self.system);
        let now = running.is_some_and(|running| self.built.contains(&running));
        if !self.quiet || now {
            for module in &self.outcomes.load {
                load::load(
                    self.system,
                    self.voice,
                    Origin::Dkms(self.source),
                    module,
                    &self.outcomes.in_use,
                    now,
                );
            }
        }
    }

    /// Builds for a kernel if necessary. Returns true if a problem was printed that the user can
    /// fix.
    fn build_for(&mut self, release: &Release) -> bool {
        let before = self.outcomes.kernels.get(release.as_str()).cloned();
        if self.is_prebuilt(release, before.as_ref()) || self.is_off(release) {
            return false;
        }
        if self.quiet && !self.is_missing(release, before.as_ref()) {
            return false;
        }
        let build = KernelBuild {
            system: self.system,
            planner: self.planner,
            voice: self.voice,
            source: self.source,
            release,
            before: before.as_ref(),
            quiet: self.quiet,
        };
        let Some(outcome) = build.run() else {
            return false;
        };
        let news = !self.quiet || before.as_ref() != Some(&outcome);
        let mendable = match &outcome {
            Outcome::Built { .. } => {
                self.built.push(release.clone());
                false
            }
            Outcome::Refused { mend, .. } => mend.is_some() && news,
            Outcome::Excluded { .. } | Outcome::Prebuilt { .. } => false,
            Outcome::Failed { .. } => news,
        };
        self.remember(|there| {
            there.insert(release.to_string(), outcome.clone());
        });
        mendable
    }

    /// Whether the administrator has turned automatic builds off for the kernel.
    fn is_off(&self, release: &Release) -> bool {
        let DkmsSource { name, version, .. } = self.source;
        let Some(file) = switch::off(self.system, self.source, Some(release)) else {
            return false;
        };
        if !self.quiet {
            let by_hand = format!("by hand: dkms install {name}/{version} -k {release}");
            self.voice.say(format!(
                "not built for {release}: {file} turns automatic builds off; {by_hand}"
            ));
        }
        true
    }

    /// Whether the kernel has a prebuilt module, so that there is nothing to build.
    fn is_prebuilt(&mut self, release: &Release, before: Option<&Outcome>) -> bool {
        let DkmsSource { name, version, .. } = self.source;
        let Some(prebuilt) = Prebuilt::instead_of(self.system, name, version, release) else {
            return false;
        };
        let version = prebuilt.version.clone();
        let outcome = Outcome::Prebuilt { version };
        // What the administrator has built since stays.
        if before != Some(&outcome) {
            prebuilt::take_over(self.system, self.voice, &prebuilt, release);
            prebuilt::depmod(self.system, self.voice, release);
            self.remember(|there| {
                there.insert(release.to_string(), outcome.clone());
            });
        }
        if !self.quiet {
            let package = &prebuilt.package;
            self.voice
                .say(format!("{package} has the module for {release}"));
        }
        true
    }

    /// Whether the kernel has no module, or one that was built against other headers.
    fn is_missing(&mut self, release: &Release, before: Option<&Outcome>) -> bool {
        let built = Outcome::Built {
            version: self.source.version.clone(),
            pending: false,
        };
        if self.records.installed(&self.source.version, release) {
            // dkms's hook or the administrator may have installed it.
            self.remember(|there| {
                there.insert(release.to_string(), built.clone());
            });
            let fits = |module: &String| status::fits(self.system, release, module) != Some(false);
            return !self.source.modules.iter().all(fits);
        }
        // If a module was built and is gone, the administrator removed it (dkms remove, dkms
        // uninstall). If it is still pending, dkms failed after its hook had built it.
        before != Some(&built) && !self.is_excluded(release)
    }

    /// Whether dkms.conf excludes the kernel.
    fn is_excluded(&self, release: &Release) -> bool {
        let outcome = self.outcomes.kernels.get(release.as_str());
        matches!(outcome, Some(Outcome::Excluded { version }) if *version == self.source.version)
    }
}
