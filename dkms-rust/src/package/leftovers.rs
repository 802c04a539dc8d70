// SPDX-License-Identifier: GPL-2.0-only

//! Modules that dkms installed and has lost track of, for example because its records were deleted
//! or because a new version renamed a module.

use super::dkms::run;
use super::say::Voice;
use crate::kernel::release::Release;
use crate::status::files::{ModuleFiles, in_kernel};
use crate::status::module_file::ModuleFile;
use crate::system::child::interrupted;
use crate::system::dpkg::owner_of;
use crate::system::{System, names_in};
use std::fs;
use std::path::Path;

/// Removes a kernel's modules that dkms has lost track of. As long as they are there, dkms does not
/// install the same version, and the kernel may load them.
pub fn take(system: &System, voice: &Voice, name: &str, release: &Release, modules: &[String]) {
    take_if(system, voice, name, release, modules, |_| true);
}

/// Like [`take`], but only removes modules that dkms-rust may have built. Without a record of what
/// dkms has installed, another module may be the kernel's own: dkms puts such a module back when it
/// uninstalls its own, as it does before the kernel is installed again.
pub fn take_ours(
    system: &System,
    voice: &Voice,
    name: &str,
    release: &Release,
    modules: &[String],
) {
    let ours = |file: &Path| ModuleFile::read(file).is_ok_and(|file| file.may_be_ours());
    take_if(system, voice, name, release, modules, ours);
}

fn take_if(
    system: &System,
    voice: &Voice,
    name: &str,
    release: &Release,
    modules: &[String],
    is_lost: impl Fn(&Path) -> bool,
) {
    let kernel = system.installed().join(release.as_str());
    let place = kernel.join("updates/dkms");
    let mut taken = false;
    for module in modules {
        if is_of_another(system, name, release, module) {
            continue;
        }
        let files = ModuleFiles::find(system, release, name, module).there;
        for file in files.iter().filter(|file| file.starts_with(&place)) {
            // Do not remove a file of a Debian package. Once interrupted, dpkg is not asked.
            if !is_lost(file) || owner_of(system, file).is_some() || interrupted() {
                continue;
            }
            match fs::remove_file(file) {
                Ok(()) => taken = true,
                Err(error) => voice.say(format!("can't remove {}: {error}", system.shown(file))),
            }
        }
    }
    if taken {
        for empty in [&place, &kernel.join("updates")] {
            fs::remove_dir(empty).ok();
        }
        if kernel.join("modules.dep").exists() {
            run(system, "depmod", &[release.as_str()]);
        }
    }
}

/// Whether dkms has installed a module of this name for the kernel from a package other than `name`.
/// dkms puts the modules of all packages into one directory.
fn is_of_another(system: &System, name: &str, release: &Release, module: &str) -> bool {
    let dkms = system.dkms();
    let mut others = names_in(&dkms).into_iter().filter(|other| other != name);
    others.any(|other| {
        let folder = dkms.join(other);
        let links = names_in(&folder).into_iter();
        let mut links = links.filter(|link| link.starts_with(&format!("kernel-{release}-")));
        links.any(|link| modules(&folder.join(link).join("module")).contains(&in_kernel(module)))
    })
}

/// Returns the modules in a directory, with their names as in the kernel.
pub fn modules(folder: &Path) -> Vec<String> {
    let files = names_in(folder).into_iter();
    let module = |file: String| {
        let (name, packed) = file.split_once(".ko")?;
        (packed.is_empty() || packed.starts_with('.')).then(|| in_kernel(name))
    };
    files.filter_map(module).collect()
}
