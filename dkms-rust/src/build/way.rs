// SPDX-License-Identifier: GPL-2.0-only

//! Chooses one of the three ways to build a module, depending on what is installed. `plan.rs` has the
//! table of all cases.
//!
//! A module uses what the kernel exports, and carries everything else that it needs. With the
//! kernel's own rustc, the kernel exports nearly all of the Rust code. With another rustc, or if
//! the kernel has no Rust, the module can use only C functions of the kernel.

use crate::kernel::class::Class;
use crate::kernel::headers::Kernel;
use crate::kernel::metadata;
use crate::kernel::refusal::Refusal;
use crate::toolchain::{Bindgen, Rustc};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A way to build modules for a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// With the metadata in the kernel's own build tree, by the rustc that made this metadata.
    Shipped,
    /// With metadata that is rebuilt from the kernel's source, by the kernel's own rustc.
    Rebuilt,
    /// With Rust code that the module carries itself. This code is compiled from the kernel's
    /// source, by any rustc that is new enough.
    Linked,
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Shipped => "shipped",
            Self::Rebuilt => "rebuilt",
            Self::Linked => "linked",
        })
    }
}

/// Options under which a module with its own copy of the Rust code does not work. If the kernel has
/// Rust, its own rustc still works: the kernel was configured for that rustc and these options.
const NOT_LINKED: [&str; 3] = ["CFI_CLANG", "CFI", "KASAN_SW_TAGS"];

/// Returns the version text of the rustc that compiled the kernel's own Rust code.
pub fn own_rustc(kernel: &Kernel, class: Class) -> Option<String> {
    let of_config = || kernel.config.get("RUSTC_VERSION_TEXT").map(str::to_owned);
    match class {
        Class::Metadata => metadata::rustc_of(&kernel.build).or_else(of_config),
        Class::Rust => of_config(),
        Class::NoRust => None,
    }
}

impl Way {
    /// Chooses the way and the rustc for a kernel. `other` says that the kernel's own source or
    /// bindgen is missing, so that modules can't use the kernel's Rust code.
    ///
    /// # Errors
    ///
    /// Returns a refusal if no installed rustc can be used.
    pub fn choose(kernel: &Kernel, class: Class, other: bool) -> Result<(Self, Rustc), Refusal> {
        Self::among(kernel, class, other, &Rustc::all())
    }

    fn among(
        kernel: &Kernel,
        class: Class,
        other: bool,
        found: &[Rustc],
    ) -> Result<(Self, Rustc), Refusal> {
        let (way, wanted) = match class {
            Class::Metadata => (Self::Shipped, own_rustc(kernel, class)),
            Class::Rust if !other => (Self::Rebuilt, own_rustc(kernel, class)),
            Class::Rust | Class::NoRust => (Self::Linked, None),
        };
        if let Some(wanted) = &wanted {
            if let Some(rustc) = found.iter().find(|rustc| rustc.version == *wanted) {
                return Ok((way, rustc.clone()));
            }
        }
        let option = NOT_LINKED.iter().find(|option| kernel.config.is_on(option));
        match (option, wanted) {
            (Some(option), Some(wanted)) => {
                let why = format!(
                    "it was built with CONFIG_{option}, so only its own rustc, {wanted:?}, can \
                     build modules for it; {}",
                    Rustc::there(found)
                );
                Err(Refusal::new(
                    &kernel.release,
                    why,
                    Rustc::mend(&kernel.system, &wanted),
                ))
            }
            (Some(option), None) if class == Class::Rust => {
                let bindgen = Bindgen::own(kernel);
                let why = format!(
                    "it was built with CONFIG_{option}, so its modules must be built by its own \
                     compilers and from its own source; the source or {:?} is missing",
                    bindgen.unwrap_or("bindgen")
                );
                Err(Refusal::final_(&kernel.release, why))
            }
            (Some(option), None) => {
                let why = format!(
                    "it has no Rust and was built with CONFIG_{option}, which requires Rust code \
                     to be built in the same way as the kernel"
                );
                Err(Refusal::final_(&kernel.release, why))
            }
            (None, _) => Ok((Self::Linked, Rustc::new_enough(kernel, found)?)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::headers::tests::make_installed;
    use crate::system::System;

    const OWN: &str = "rustc 1.85.1 (4eb161250 2025-03-15)";
    const WITH_RUST: &str =
        "CONFIG_RUST=y\nCONFIG_RUSTC_VERSION_TEXT=\"rustc 1.85.1 (4eb161250 2025-03-15)\"\n";

    fn rustc(path: &str, version: &str) -> Rustc {
        Rustc {
            path: path.into(),
            version: version.into(),
        }
    }

    fn chosen(config: &str, other: bool, found: &[(&str, &str)]) -> Result<(Way, String), Refusal> {
        let root = tempfile::tempdir().unwrap();
        make_installed(root.path(), "7.3.4-amd64", config);
        let release = "7.3.4-amd64".parse().unwrap();
        let kernel = Kernel::find(&System::below(root.path()), &release).unwrap();
        let class = Class::of(&kernel).unwrap();
        let found: Vec<Rustc> = found.iter().map(|(path, text)| rustc(path, text)).collect();
        let (way, rustc) = Way::among(&kernel, class, other, &found)?;
        Ok((way, rustc.version))
    }

    #[test]
    fn the_kernel_s_own_rustc_rebuilds_whatever_else_is_there() {
        let found = [("/usr/bin/rustc", "rustc 1.97.1 (x)"), ("/opt/rustc", OWN)];
        assert_eq!(
            chosen(WITH_RUST, false, &found).unwrap(),
            (Way::Rebuilt, OWN.into())
        );
        // With another source, a module can't use anything of the kernel's Rust code.
        let (way, version) = chosen(WITH_RUST, true, &found).unwrap();
        assert_eq!((way, &*version), (Way::Linked, "rustc 1.97.1 (x)"));
    }

    #[test]
    fn with_any_other_rustc_modules_are_linked() {
        // Debian builds the same version with other symbol names.
        let debian = format!("{OWN} (built from a source tarball)");
        for other in ["rustc 1.96.1 (x)", "rustc 1.85.0 (x)", &debian] {
            let (way, version) = chosen(WITH_RUST, false, &[("/usr/bin/rustc", other)]).unwrap();
            assert_eq!((way, &*version), (Way::Linked, other));
        }
        let (way, _) = chosen("", false, &[("/usr/bin/rustc", OWN)]).unwrap();
        assert_eq!(way, Way::Linked);
        let (way, _) = chosen("CONFIG_RUST=y\n", false, &[("/usr/bin/rustc", OWN)]).unwrap();
        assert_eq!(way, Way::Linked, "the configuration names no rustc");
    }

    #[test]
    fn a_kernel_whose_calls_are_checked_takes_its_own_rustc_or_none() {
        let config = format!("{WITH_RUST}CONFIG_CFI=y\n");
        let (way, _) = chosen(&config, false, &[("/usr/bin/rustc", OWN)]).unwrap();
        assert_eq!(way, Way::Rebuilt);
        let refusal = chosen(&config, false, &[("/usr/bin/rustc", "rustc 1.97.1")]).unwrap_err();
        assert!(refusal.reason.contains("only its own rustc"), "{refusal}");
        assert!(refusal.mend.is_some());
        let found = [("/usr/bin/rustc", OWN)];
        // The source or the bindgen is not the kernel's own.
        let refusal = chosen(&config, true, &found).unwrap_err();
        assert!(refusal.reason.contains("from its own source"), "{refusal}");
        let refusal = chosen("CONFIG_CFI_CLANG=y\n", false, &found).unwrap_err();
        assert!(refusal.reason.contains("CONFIG_CFI_CLANG"), "{refusal}");
        assert_eq!(refusal.mend, None);
    }
}
