// SPDX-License-Identifier: GPL-2.0-only

//! Finds bindgen, which describes the kernel's C interface to the crates.

use crate::kernel::headers::Kernel;
use crate::kernel::refusal::Refusal;
use crate::system::dpkg;
use crate::system::names_in;
use crate::system::run::answer;
use crate::system::search::may_run;
use crate::toolchain::minimum::{self, Minimum, numbers};
use crate::toolchain::programs::named;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The directory with dkms-rust's own bindgens.
const OWN: &str = "/usr/lib/dkms-rust";

/// The package that ships them.
const OWN_PACKAGE: &str = "dkms-rust";

/// The packages that bring libclang; one of them is enough.
const LIBCLANG: [&str; 4] = [
    "libclang1-19",
    "libclang1-21",
    "libclang1-20",
    "libclang-dev",
];

/// A bindgen, with its path and its version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bindgen {
    /// Where it is.
    pub path: PathBuf,
    /// What `--version` prints.
    pub version: String,
}

impl Bindgen {
    /// Returns all bindgens on this machine: dkms-rust's own, then the others.
    pub fn all() -> Vec<Self> {
        let ask = |path: PathBuf| {
            let version = answer(Command::new(&path).arg("--version"))?;
            Some(Self { path, version })
        };
        let own = names_in(Path::new(OWN)).into_iter().rev();
        let own = own
            .map(|name| Path::new(OWN).join(name))
            .filter(|path| may_run(path));
        own.chain(named("bindgen")).filter_map(ask).collect()
    }

    /// Returns the version text of the bindgen that the kernel was built with, if the kernel names
    /// it.
    pub fn own(kernel: &Kernel) -> Option<&str> {
        kernel.config.get("BINDGEN_VERSION_TEXT")
    }

    /// Returns whether the bindgen that the kernel was built with is in `found`. Another one
    /// generates other impls, and the numbers of impls are in the names of symbols.
    pub fn is_own_here(kernel: &Kernel, found: &[Self]) -> bool {
        Self::own(kernel).is_none_or(|own| found.iter().any(|bindgen| bindgen.version == own))
    }

    /// Returns the version text of the bindgen that the kernel was built with, if that is not on
    /// this machine.
    pub fn missing_own(kernel: &Kernel) -> Option<&str> {
        Self::own(kernel).filter(|_| !Self::is_own_here(kernel, &Self::all()))
    }

    /// Chooses the bindgen that the kernel was built with, or else the first that is new enough.
    ///
    /// # Errors
    ///
    /// A refusal if there is none.
    pub fn of(kernel: &Kernel, found: &[Self]) -> Result<Self, Refusal> {
        let own = Self::own(kernel);
        let mut found: Vec<&Self> = found.iter().collect();
        found.sort_by_key(|bindgen| own != Some(&bindgen.version));
        let oldest = Minimum::of(kernel).bindgen;
        let will_do = |version: &str| numbers(version) >= Some(oldest);
        let mut too_old = None;
        for bindgen in found {
            if will_do(&bindgen.version) {
                return Ok(bindgen.clone());
            }
            too_old.get_or_insert(bindgen);
        }
        let oldest = minimum::text(oldest);
        let why = match too_old {
            Some(Self { path, version }) => format!(
                "{} is {version:?}, but the bindings need bindgen {oldest} or newer",
                path.display()
            ),
            None => "bindgen is not installed; it is needed to make the bindings".to_owned(),
        };
        let mend = dpkg::install_version(&kernel.system, "bindgen", &[], will_do);
        let mend = mend.unwrap_or_else(|| {
            format!("install bindgen {oldest} or newer (none of apt's sources has one)")
        });
        Err(Refusal::new(&kernel.release, why, mend))
    }

    /// Refuses the kernel if bindgen crashes, or finds no libclang that can read C.
    ///
    /// # Errors
    ///
    /// The refusal.
    pub fn reads_c(&self, kernel: &Kernel) -> Result<(), Refusal> {
        let header = kernel.build.join("include/generated/utsrelease.h");
        if !header.is_file() || answer(Command::new(&self.path).arg(header)).is_some() {
            return Ok(());
        }
        let why = format!(
            "{} can't read C: it is damaged, or libclang is damaged or missing",
            self.path.display()
        );
        let system = &kernel.system;
        let own = self.path.starts_with(OWN);
        let package = if own { OWN_PACKAGE } else { "bindgen" };
        // The name of the package that contains the library has LLVM's version in it.
        let owners = dpkg::owners_of(system, "*/libclang-*.so.*");
        let missing = owners.is_empty();
        let install = || {
            LIBCLANG
                .iter()
                .find_map(|name| dpkg::install(system, &[name]))
        };
        let reinstall = || {
            let mut both = owners.iter().map(|owner| [package, owner]);
            both.find_map(|packages| dpkg::reinstall(system, &packages))
        };
        let mend = missing.then(install).flatten().or_else(reinstall);
        let mend = mend.unwrap_or_else(|| {
            format!("install {package} and libclang again (none of apt's sources has them)")
        });
        Err(Refusal::new(&kernel.release, why, mend))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::headers::tests::make_installed;
    use crate::system::System;

    const CONFIG: &str = "CONFIG_RUST=y\n";

    fn chosen(found: &[&str]) -> Result<String, Refusal> {
        chosen_for(CONFIG, found)
    }

    fn chosen_for(config: &str, found: &[&str]) -> Result<String, Refusal> {
        let root = tempfile::tempdir().unwrap();
        make_installed(root.path(), "7.3.4-amd64", config);
        let release = "7.3.4-amd64".parse().unwrap();
        let kernel = Kernel::find(&System::below(root.path()), &release).unwrap();
        let bindgen = |version: &&str| Bindgen {
            path: "/usr/bin/bindgen".into(),
            version: (*version).to_owned(),
        };
        let found: Vec<Bindgen> = found.iter().map(bindgen).collect();
        Bindgen::of(&kernel, &found).map(|bindgen| bindgen.version)
    }

    #[test]
    fn the_first_that_is_new_enough_is_taken() {
        let found = ["bindgen 0.60.0", "bindgen 0.71.1", "bindgen 0.72.0"];
        assert_eq!(chosen(&found).unwrap(), "bindgen 0.71.1");
    }

    #[test]
    fn the_one_that_the_kernel_was_built_with_comes_first() {
        let config = "CONFIG_RUST=y\nCONFIG_BINDGEN_VERSION_TEXT=\"bindgen 0.71.1\"\n";
        let found = ["bindgen 0.72.1", "bindgen 0.71.1"];
        assert_eq!(chosen_for(config, &found).unwrap(), "bindgen 0.71.1");
        assert_eq!(chosen_for(config, &found[..1]).unwrap(), "bindgen 0.72.1");
    }

    #[test]
    fn names_are_a_kernel_s_own_only_by_its_own_bindgen() {
        let root = tempfile::tempdir().unwrap();
        let config = "CONFIG_RUST=y\nCONFIG_BINDGEN_VERSION_TEXT=\"bindgen 0.71.1\"\n";
        for (release, config) in [("7.3.4-amd64", config), ("7.0.1-amd64", CONFIG)] {
            make_installed(root.path(), release, config);
        }
        let is_own = |release: &str, version: &str| {
            let system = System::below(root.path());
            let kernel = Kernel::find(&system, &release.parse().unwrap()).unwrap();
            let bindgen = Bindgen {
                path: "/usr/bin/bindgen".into(),
                version: version.to_owned(),
            };
            Bindgen::is_own_here(&kernel, &[bindgen])
        };
        assert!(is_own("7.3.4-amd64", "bindgen 0.71.1"));
        assert!(!is_own("7.3.4-amd64", "bindgen 0.72.1"));
        // If the kernel does not name its bindgen, any will do.
        assert!(is_own("7.0.1-amd64", "bindgen 0.72.1"));
    }

    #[test]
    fn one_that_is_too_old_is_named_with_what_is_needed() {
        let refusal = chosen(&["bindgen 0.60.0"]).unwrap_err();
        assert!(refusal.reason.contains("\"bindgen 0.60.0\""), "{refusal}");
        assert!(refusal.reason.contains("0.71.1 or newer"), "{refusal}");
        assert!(refusal.mend.unwrap().starts_with("install bindgen 0.71.1"));
        assert!(chosen(&[]).unwrap_err().reason.contains("not installed"));
    }
}
