// SPDX-License-Identifier: GPL-2.0-only

//! `remove`, which a package's prerm calls, and `purge`. `remove` leaves only the file with what is
//! remembered about the package, so that postrm can purge it when dkms-rust is gone.

use super::leftovers::take;
use super::load;
use super::logs;
use super::records::Records;
use super::say::Voice;
use super::source::DkmsSource;
use crate::kernel::release::Release;
use crate::status::files::in_kernel;
use crate::status::outcomes::{self, Outcome, Outcomes};
use crate::status::prebuilt::Prebuilt;
use crate::system::System;
use crate::system::child::interrupted;
use std::collections::BTreeSet;
use std::io;

/// Unloads a package's modules and removes them from every kernel.
pub fn remove(system: &System, name: &str, unload: &[String]) {
    remove_by(system, &Voice::of(name), name, unload);
}

/// Deletes everything that is remembered about a package.
///
/// # Errors
///
/// If the file can't be removed.
pub fn purge(system: &System, name: &str) -> io::Result<()> {
    logs::drop_all(system, name);
    outcomes::forget(system, name)
}

/// Like [`remove`], with the given voice.
pub fn remove_by(system: &System, voice: &Voice, name: &str, unload: &[String]) {
    // A prebuilt module does not depend on the source.
    let prebuilt = load::running(system).and_then(|running| Prebuilt::find(system, name, &running));
    if prebuilt.is_none() {
        for module in unload {
            load::unload(system, voice, module);
        }
    }
    let source = DkmsSource::find(system, name, None);
    let records = Records::of(system, name);
    let modules = source
        .as_ref()
        .map_or_else(|| unload.to_vec(), |source| source.modules.clone());
    let kernels = Release::installed(system).unwrap_or_default();
    let look = |release| {
        let named = modules.iter().map(|name| in_kernel(name));
        // An older version may have modules that the source does not name any more.
        let versions = records.versions().into_iter();
        let built = versions.flat_map(|version| records.modules(&version, release));
        let own: BTreeSet<String> = named.chain(built).collect();
        (release, own, records.aside(release))
    };
    let before: Vec<_> = kernels.iter().map(look).collect();
    for version in records.versions() {
        if let Some(source) = &source {
            // dkms does nothing without a dkms.conf.
            records.lead_to(&version, &source.folder).ok();
        }
        if system.program("dkms").is_some() {
            let ended = records.remove(&version);
            if !ended.well() && !interrupted() {
                voice.say(format!(
                    "dkms could not remove version {version}, so it is removed without dkms:"
                ));
                voice.quote(ended.last(3));
            }
        }
    }
    if interrupted() {
        // dkms may have been interrupted, too. The next removal goes on from here.
        return;
    }
    for (release, own, aside) in before {
        let left = records.not_put_back(own.into_iter(), &aside, release);
        take(system, voice, name, release, &left.collect::<Vec<_>>());
    }
    match records.drop_all() {
        Ok(aside) if aside.is_empty() => {}
        Ok(aside) => {
            voice.say("dkms had moved modules of the kernel aside, and did not put them back:");
            for file in aside {
                voice.quote(system.shown(&file));
            }
            voice.say(
                "to have them back, install the kernel's package again, or copy them below \
                 /lib/modules/KERNEL and type depmod KERNEL",
            );
        }
        Err(error) => {
            let folder = system.shown(&system.dkms().join(name));
            voice.say(format!("can't remove {folder}: {error}"));
        }
    }
    logs::drop_all(system, name);
    forget_builds(system, name);
}

/// Forgets all builds of a removed package.
fn forget_builds(system: &System, name: &str) {
    if Outcomes::load(system, name).is_some() {
        let forget = |there: &mut Outcomes| {
            there.registered = false;
            there
                .kernels
                .retain(|_, outcome| matches!(outcome, Outcome::Prebuilt { .. }));
        };
        Outcomes::change(system, name, forget).ok();
    }
}
