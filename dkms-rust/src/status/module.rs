// SPDX-License-Identifier: GPL-2.0-only

//! One module for one kernel: its files, whether it will be loaded, and its problems.

use super::autoload;
use super::files::{ModuleFiles, in_kernel};
use super::module_file::ModuleFile;
use super::packages::Package;
use super::place::Place;
use super::prebuilt::Prebuilt;
use super::problems::{self, Looked};
use super::report::{DKMS, Load, Module};
use crate::build::info;
use crate::system::System;
use std::fs;
use std::path::Path;

/// Collects everything about one module of a package.
pub fn look(place: &Place<'_>, package: &Package, name: &str) -> Module {
    let files = ModuleFiles::find(place.system, place.release, &package.name, name);
    let taken = files.taken.as_deref();
    let prebuilt = Prebuilt::find(place.system, &package.name, place.release);
    let prebuilt = prebuilt.filter(|prebuilt| {
        taken.is_some_and(|file| prebuilt.has(Path::new(&place.system.shown(file))))
    });
    let content = taken.and_then(|file| ModuleFile::read(file).ok());
    let by_dkms = taken.and_then(|file| files.version(file));
    let installed = prebuilt.as_ref().map(|prebuilt| prebuilt.version.clone());
    let installed = installed.or(by_dkms.map(str::to_owned));
    let from = prebuilt.as_ref().map(|prebuilt| prebuilt.package.clone());
    let from = from.or(by_dkms.map(|_| DKMS.to_owned()));
    let signature = content.as_ref().map(|file| file.signature.as_deref());
    let own = prebuilt
        .as_ref()
        .map(|prebuilt| prebuilt.signer(place.system));
    let signer = own.as_ref().unwrap_or(place.signer);
    let trusted = signature
        .flatten()
        .and_then(|signature| signer.trusts(signature));
    let loadable = loadable(place, taken.is_some(), content.as_ref(), trusted);
    let for_devices = content.as_ref().is_some_and(|file| file.for_devices);
    let autoload = autoload::of(place.system, name, for_devices);
    let by_itself = matches!(autoload.how, Load::Named | Load::Device);
    let mut module = Module {
        package: package.name.clone(),
        version: package.version.clone(),
        module: name.to_owned(),
        built: files.built.first().map(|(version, _)| version.clone()),
        file: taken.map(|file| place.system.shown(file)),
        how: content
            .as_ref()
            .and_then(|file| info::parse(file.built.as_deref()?))
            .map(|info| info.how.to_owned()),
        signed: signature.map(|signature| signature.is_some()),
        signer: content.as_ref().and_then(ModuleFile::signer),
        trusted,
        loadable,
        at_boot: match loadable {
            Some(true) => Some(installed.is_some() && by_itself),
            // A module that is not installed, or that nothing loads, is not there at boot, whatever
            // its signature.
            None if installed.is_some() && by_itself => None,
            _ => Some(false),
        },
        autoload,
        installed,
        from,
        loaded: None,
        current: None,
        problems: Vec::new(),
    };
    if place.running {
        look_at_loaded(place.system, name, content.as_ref(), &mut module);
    }
    let look = Looked {
        files: &files,
        content: content.as_ref(),
        signer,
        source: package.source,
        module: &module,
    };
    module.problems = problems::of(place, &look);
    module
}

/// Whether the kernel would load the file: it must be built for this kernel, and be signed with a
/// trusted key if the kernel enforces that.
fn loadable(
    place: &Place<'_>,
    there: bool,
    content: Option<&ModuleFile>,
    trusted: Option<bool>,
) -> Option<bool> {
    if !there {
        return Some(false);
    }
    let file = content?;
    if file.release.as_deref() != Some(place.release.as_str()) {
        return Some(false);
    }
    match place.signer.report.enforced {
        Some(false) => Some(true),
        Some(true) if file.signature.is_none() => Some(false),
        // With a trusted key it is loadable, whether signatures are enforced or not.
        Some(true) => trusted,
        None => trusted.filter(|trusted| *trusted),
    }
}

fn look_at_loaded(system: &System, name: &str, file: Option<&ModuleFile>, module: &mut Module) {
    let folder = system.loaded();
    if !folder.is_dir() {
        return;
    }
    let folder = folder.join(in_kernel(name));
    module.loaded = Some(folder.is_dir());
    let note = fs::read(folder.join("notes/.note.gnu.build-id")).ok();
    let own = file.and_then(|file| file.build_id.as_deref());
    module.current = note.zip(own).map(|(note, own)| note == own);
}

#[cfg(test)]
#[path = "module_tests.rs"]
mod tests;
