// SPDX-License-Identifier: GPL-2.0-only

//! `configure`, which a package's postinst calls, and `retry`, which dkms-rust's trigger on
//! `/usr/src` calls for all packages.

use super::planned::{Planner, plan};
use super::prebuilt;
use super::run::Run;
use super::say::Voice;
use super::source::DkmsSource;
use crate::status::outcomes::{self, Outcomes};
use crate::system::System;
use crate::system::child::interrupted;
use std::path::PathBuf;

/// What a package wants besides its builds.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// The modules to load after they were built.
    pub load: Vec<String>,
    /// While a file below one of these directories is open, a loaded module is not replaced.
    pub in_use: Vec<PathBuf>,
}

/// Builds a package's modules for every kernel, and loads those that should be loaded.
pub fn configure(system: &System, name: &str, version: Option<&str>, wanted: &Wanted) {
    configure_by(system, plan, &Voice::of(name), name, version, wanted);
}

/// Builds what is missing, for every package that was configured, and reports kernels for which a
/// package of prebuilt modules is missing.
pub fn retry(system: &System) {
    let mut names = prebuilt::names(system);
    names.extend(outcomes::names(system));
    for name in names {
        if interrupted() {
            return;
        }
        retry_by(system, plan, &Voice::of(&name), &name);
    }
}

/// Like [`configure`], with the given planner and voice.
pub fn configure_by(
    system: &System,
    planner: Planner,
    voice: &Voice,
    name: &str,
    version: Option<&str>,
    wanted: &Wanted,
) {
    let Some(source) = DkmsSource::find(system, name, version) else {
        return voice.say("nothing was built: its source is not in /usr/src");
    };
    let kernels = Outcomes::load(system, name).unwrap_or_default().kernels;
    let outcomes = Outcomes {
        version: source.version.clone(),
        registered: false,
        load: wanted.load.clone(),
        in_use: wanted.in_use.clone(),
        kernels,
    };
    Run::new(system, planner, voice, &source, outcomes, false).all();
}

/// Like [`retry`] for one package, with the given planner and voice.
pub fn retry_by(system: &System, planner: Planner, voice: &Voice, name: &str) {
    let source = DkmsSource::find(system, name, None);
    if source.is_none() && prebuilt::names(system).contains(name) {
        return prebuilt::missing(system, voice, name);
    }
    let Some(outcomes) = Outcomes::load(system, name) else {
        return;
    };
    // A removed package has no source. A package that is being upgraded has source of another
    // version, and its own postinst will build that.
    let Some(source) = source.filter(|source| source.version == outcomes.version) else {
        return;
    };
    Run::new(system, planner, voice, &source, outcomes, true).all();
}
