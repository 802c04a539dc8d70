// SPDX-License-Identifier: GPL-2.0-only

//! `remove`, which a package's prerm calls, and `purge`. `remove` leaves only the file with what is
//! remembered about the package, so that postrm can purge it when dkms-rust is gone.

use super::dkms::program;
use super::leftovers::take;
use super::load;
use super::logs;
use super::records::Records;
use super::say::Voice;
use super::source::Source;
use crate::kernel::release::Release;
use crate::status::outcomes::{self, Outcomes};
use crate::system::System;
use std::fs;
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
    for module in unload {
        load::unload(system, voice, module);
    }
    let source = Source::find(system, name, None);
    let records = Records::of(system, name);
    for version in records.versions() {
        if let Some(source) = &source {
            // dkms does nothing without a dkms.conf.
            records.lead_to(&version, &source.folder).ok();
        }
        if program(system, "dkms").is_some() {
            let ended = records.remove(&version);
            if !ended.well() {
                voice.say(format!(
                    "dkms could not remove version {version}, so it is removed without dkms:"
                ));
                voice.quote(ended.last(3));
            }
        }
    }
    let modules = source.map_or_else(|| unload.to_vec(), |source| source.modules);
    for release in Release::installed(system).unwrap_or_default() {
        take(system, voice, name, &release, &modules);
    }
    let folder = system.dkms().join(name);
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            voice.say(format!("can't remove {}: {error}", system.shown(&folder)));
        }
        _ => {}
    }
    logs::drop_all(system, name);
    forget_builds(system, name);
}

/// Forgets all builds of a removed package.
fn forget_builds(system: &System, name: &str) {
    if Outcomes::load(system, name).is_some() {
        let forget = |there: &mut Outcomes| {
            there.registered = false;
            there.kernels.clear();
        };
        Outcomes::change(system, name, forget).ok();
    }
}
