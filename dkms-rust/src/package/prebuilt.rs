// SPDX-License-Identifier: GPL-2.0-only

//! Packages of prebuilt modules: what their maintainer scripts call, and what `retry` does for
//! machines that have no source to build from.

use super::dkms::run;
use super::load::{self, running};
use super::origin::Origin;
use super::records::Records;
use super::say::Voice;
use super::source::DkmsSource;
use crate::kernel::release::Release;
use crate::status::outcomes::{self, Outcome, Outcomes};
use crate::status::prebuilt::{self, Prebuilt, package_name};
use crate::system::System;
use std::collections::BTreeSet;

/// Takes over the modules that a package has installed for a kernel (postinst).
pub fn installed(system: &System, name: &str, release: &Release) {
    installed_by(system, &Voice::of(name), name, release);
}

/// Like [`installed`], with the given voice.
pub fn installed_by(system: &System, voice: &Voice, name: &str, release: &Release) {
    let Some(prebuilt) = Prebuilt::find(system, name, release) else {
        let package = package_name(name, release.as_str());
        return voice.say(format!("the package {package} has no module for {release}"));
    };
    take_over(system, voice, &prebuilt, release);
    depmod(system, voice, release);
    let version = prebuilt.version.clone();
    remember(system, voice, name, |there| {
        if !there.registered {
            there.version.clone_from(&version);
        }
        let outcome = Outcome::Prebuilt { version };
        there.kernels.insert(release.to_string(), outcome);
    });
    if running(system).as_ref() != Some(release) {
        return voice.say(format!("installed for {release}"));
    }
    for module in &prebuilt.load {
        let origin = Origin::Prebuilt(&prebuilt);
        load::load(system, voice, origin, module, &prebuilt.in_use, true);
    }
}

/// Removes what dkms has built for the kernel, unless that is newer.
pub fn take_over(system: &System, voice: &Voice, prebuilt: &Prebuilt, release: &Release) {
    let records = Records::of(system, &prebuilt.name);
    records.forget_aside(prebuilt);
    for version in records.versions() {
        let instead = Prebuilt::instead_of(system, &prebuilt.name, &version, release);
        if instead.is_none() || !records.installed(&version, release) {
            continue;
        }
        let ended = records.dkms(
            "unbuild",
            &version,
            &["--no-depmod", "-k", release.as_str()],
        );
        match ended.well() {
            true => voice.say(format!(
                "the module of {} takes the place of the one that was built for {release}",
                prebuilt.package
            )),
            false => {
                voice.say(format!("dkms keeps its own module for {release}:"));
                voice.quote(ended.last(3));
            }
        }
    }
}

/// Unloads the modules that a package has installed for a kernel, unless dkms can build them (prerm).
pub fn removed(system: &System, name: &str, release: &Release) {
    removed_by(system, &Voice::of(name), name, release);
}

/// Like [`removed`], with the given voice.
pub fn removed_by(system: &System, voice: &Voice, name: &str, release: &Release) {
    let source = DkmsSource::find(system, name, None);
    if let Some(prebuilt) = Prebuilt::find(system, name, release) {
        Records::of(system, name).forget_aside(&prebuilt);
        // With a source dkms is about to build them.
        if source.is_none() && running(system).as_ref() == Some(release) {
            for module in &prebuilt.load {
                load::unload(system, voice, module);
            }
        }
    }
    let Some(there) = Outcomes::load(system, name) else {
        return;
    };
    let others = there.kernels.iter().any(|(kernel, outcome)| {
        kernel != release.as_str() && matches!(outcome, Outcome::Prebuilt { .. })
    });
    if !others && source.is_none() {
        outcomes::forget(system, name).ok();
        return;
    }
    remember(system, voice, name, |there| {
        there.kernels.remove(release.as_str());
    });
}

/// Reports kernels that have no module yet, where modules come only from packages.
pub fn missing(system: &System, voice: &Voice, name: &str) {
    let before = Outcomes::load(system, name).unwrap_or_default().kernels;
    for release in Release::kernels(system) {
        if Prebuilt::find(system, name, &release).is_some() {
            continue;
        }
        let outcome = no_package(name, &release);
        if before.get(release.as_str()) == Some(&outcome) {
            continue;
        }
        if let Outcome::Refused { why, mend, .. } = &outcome {
            voice.say(format!("no module for {release}: {why}"));
            voice.quote(format!(
                "once your repository has it: {}",
                mend.as_deref().unwrap_or_default()
            ));
        }
        remember(system, voice, name, |there| {
            there.kernels.insert(release.to_string(), outcome.clone());
        });
    }
    let there: BTreeSet<String> = Release::kernels(system)
        .iter()
        .map(Release::to_string)
        .collect();
    remember(system, voice, name, |outcomes| {
        outcomes.kernels.retain(|kernel, _| there.contains(kernel));
    });
}

/// Returns the outcome for a kernel whose module has no package here.
fn no_package(name: &str, release: &Release) -> Outcome {
    let package = package_name(name, release.as_str());
    Outcome::Refused {
        why: format!("the package {package} is not installed"),
        mend: Some(format!("apt install {package}")),
        told: true,
    }
}

/// Returns the names of all sources that have prebuilt modules here.
pub fn names(system: &System) -> BTreeSet<String> {
    let all = prebuilt::all(system).into_iter();
    all.map(|prebuilt| prebuilt.name).collect()
}

/// Has depmod index the modules of a kernel.
pub fn depmod(system: &System, voice: &Voice, release: &Release) {
    let ended = run(system, "depmod", &[release.as_str()]);
    if !ended.well() {
        voice.say(format!("depmod {release} {}:", ended.how()));
        voice.quote(ended.last(3));
    }
}

fn remember(system: &System, voice: &Voice, name: &str, change: impl FnOnce(&mut Outcomes)) {
    if let Err(error) = Outcomes::change(system, name, change) {
        let state = system.shown(&system.state());
        voice.say(format!("can't record the results in {state}: {error}"));
    }
}
