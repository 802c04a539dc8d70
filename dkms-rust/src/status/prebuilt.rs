// SPDX-License-Identifier: GPL-2.0-only

//! Modules that were built elsewhere and come in Debian packages, which `pack` makes. Each of them
//! has a file `NAME/KERNEL.json` in [`System::prebuilt`] that describes it.

use super::signing::Signer;
use crate::kernel::release::Release;
use crate::system::System;
use crate::system::bounded;
use crate::system::version;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::path::{Path, PathBuf};

/// The end of a file's name, after the kernel's release.
const END: &str = ".json";

/// The modules of one package for one kernel. Paths are as their users write them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prebuilt {
    /// The name of the source in dkms.
    pub name: String,
    /// The version of the source in dkms.
    pub version: String,
    /// The release of the kernel.
    pub kernel: String,
    /// The Debian package.
    pub package: String,
    /// The files of the modules.
    pub files: Vec<PathBuf>,
    /// The certificate of the key with which they are signed.
    pub certificate: Option<PathBuf>,
    /// The modules to load after they were installed.
    pub load: Vec<String>,
    /// While a file below one of these directories is open, a loaded module is not replaced.
    pub in_use: Vec<PathBuf>,
}

impl Prebuilt {
    /// Returns the prebuilt modules of the source `name` for a kernel, if they are installed.
    pub fn find(system: &System, name: &str, release: &Release) -> Option<Self> {
        let file = system.prebuilt().join(name).join(format!("{release}{END}"));
        let found: Self =
            serde_json::from_slice(&bounded::read(&file, bounded::TEXT).ok()?).ok()?;
        (found.name == name && found.kernel == release.as_str()).then_some(found)
    }

    /// Like [`Prebuilt::find`], but only if they are at least as new as `version`. For these dkms
    /// has nothing to build.
    pub fn instead_of(
        system: &System,
        name: &str,
        version: &str,
        release: &Release,
    ) -> Option<Self> {
        let found = Self::find(system, name, release)?;
        (version::compare(&found.version, version) != Ordering::Less).then_some(found)
    }

    /// Returns the names of the modules.
    pub fn modules(&self) -> Vec<String> {
        let name = |file: &PathBuf| {
            let name = file.file_name()?.to_str()?;
            Some(name.split_once(".ko")?.0.to_owned())
        };
        self.files.iter().filter_map(name).collect()
    }

    /// Returns what is known about the key with which they are signed.
    pub fn signer(&self, system: &System) -> Signer {
        Signer::of(system, self.certificate.as_deref())
    }

    /// Whether `file`, as its users write it, is one of them.
    pub fn has(&self, file: &Path) -> bool {
        // Debian packages have /usr/lib, and most users write /lib.
        let plain = |path: &Path| {
            path.strip_prefix("/usr")
                .map(|path| Path::new("/").join(path))
        };
        let same = |own: &PathBuf| own == file || plain(own).is_ok_and(|own| own == file);
        self.files.iter().any(same)
    }

    /// Returns the path of the file that describes it, as its users write it.
    pub fn description(&self) -> PathBuf {
        let folder = System::here().prebuilt().join(&self.name);
        folder.join(format!("{}{END}", self.kernel))
    }
}

/// Returns all prebuilt modules that are installed.
pub fn all(system: &System) -> Vec<Prebuilt> {
    let folder = system.prebuilt();
    let names = crate::system::names_in(&folder).into_iter();
    let of = |name: String| {
        let kernels = crate::system::names_in(&folder.join(&name)).into_iter();
        let kernels = kernels.filter_map(|file| file.strip_suffix(END)?.parse().ok());
        let found = kernels.filter_map(|release| Prebuilt::find(system, &name, &release));
        found.collect::<Vec<_>>()
    };
    names.flat_map(of).collect()
}

/// Returns the name of the Debian package with the modules of the source `name` for a kernel.
pub fn package_name(name: &str, release: &str) -> String {
    debian_name(&format!("{name}-modules-{release}"))
}

/// Returns a name without what the names of Debian packages may not have, which are capital letters
/// and underscores.
pub fn debian_name(name: &str) -> String {
    let allowed = |c: char| match c.to_ascii_lowercase() {
        c if c.is_ascii_alphanumeric() || "+-.".contains(c) => c,
        _ => '-',
    };
    name.chars().map(allowed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn prebuilt(version: &str) -> Prebuilt {
        Prebuilt {
            name: "p".into(),
            version: version.into(),
            kernel: "7.3.4-amd64".into(),
            package: "p-modules-7.3.4-amd64".into(),
            files: vec!["/usr/lib/modules/7.3.4-amd64/updates/dkms-rust/my_drv.ko.xz".into()],
            ..Prebuilt::default()
        }
    }

    fn install(system: &System, prebuilt: &Prebuilt, name: &str) {
        let folder = system.prebuilt().join("p");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(name), serde_json::to_vec(prebuilt).unwrap()).unwrap();
    }

    #[test]
    fn what_describes_another_kernel_or_another_source_does_not_count() {
        let root = tempfile::tempdir().unwrap();
        let system = System::below(root.path());
        let prebuilt = prebuilt("1");
        install(&system, &prebuilt, "7.3.4-amd64.json");
        install(&system, &prebuilt, "7.3.5-amd64.json");
        install(&system, &prebuilt, "README");
        assert_eq!(all(&system), std::slice::from_ref(&prebuilt));
        let shown = Path::new("/usr/share/dkms-rust/prebuilt/p/7.3.4-amd64.json");
        assert_eq!(prebuilt.description(), shown);
    }

    #[test]
    fn it_takes_the_place_of_a_source_that_is_not_newer() {
        let root = tempfile::tempdir().unwrap();
        let system = System::below(root.path());
        install(&system, &prebuilt("1.10"), "7.3.4-amd64.json");
        let release = "7.3.4-amd64".parse().unwrap();
        for (version, instead) in [("1.9", true), ("1.10", true), ("1.11", false)] {
            let found = Prebuilt::instead_of(&system, "p", version, &release);
            assert_eq!(found.is_some(), instead, "{version}");
        }
    }

    #[test]
    fn a_file_is_its_own_with_usr_or_without() {
        let prebuilt = prebuilt("1");
        assert_eq!(prebuilt.modules(), ["my_drv"]);
        let file = "/lib/modules/7.3.4-amd64/updates/dkms-rust/my_drv.ko.xz";
        assert!(prebuilt.has(Path::new(file)));
        assert!(prebuilt.has(&prebuilt.files[0]));
        assert!(!prebuilt.has(Path::new(
            "/lib/modules/7.3.4-amd64/updates/dkms/my_drv.ko.xz"
        )));
    }

    #[test]
    fn a_release_with_what_package_names_may_not_have_is_mapped() {
        let name = package_name("my_Drv", "6.12.0-MY_own+deb13~1");
        assert_eq!(name, "my-drv-modules-6.12.0-my-own+deb13-1");
    }
}
