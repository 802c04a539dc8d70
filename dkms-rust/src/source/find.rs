// SPDX-License-Identifier: GPL-2.0-only

//! Finds the source of a kernel: its slice, the build tree itself, a slice from dkms-rust-sources,
//! or the linux-source package of the same version as its headers.

use crate::kernel::headers::Kernel;
use crate::kernel::refusal::Refusal;
use crate::source::slice::Slice;
use crate::source::version::{self, Version};
use crate::system::System;
use crate::system::dpkg;
use crate::system::sources_package;
use crate::system::trusted::{is_root, trusted_below, trusted_path};
use anyhow::Result;
use std::path::{Path, PathBuf};

/// The files that identify a directory with a kernel's whole source. Headers may contain `rust/`,
/// but not both files.
const WHOLE: [&str; 2] = ["rust/kernel/lib.rs", "init/Kconfig"];

/// The source of a kernel.
#[derive(Debug)]
pub enum Source {
    /// A slice of it is already kept.
    Slice(Slice),
    /// The package dkms-rust-sources contains a slice of it.
    Packaged(Slice),
    /// The source is here, but its slice has not been taken yet.
    Here {
        /// A directory or an archive.
        path: PathBuf,
        /// The source package and version that the source is from.
        debian: Option<String>,
    },
}

impl Source {
    /// Finds the source of a kernel. `kept` is the slice that is kept for the kernel.
    ///
    /// # Errors
    ///
    /// A refusal if the source is not here, or only the source of another version is.
    pub fn of(system: &System, kernel: &Kernel, kept: Option<Slice>) -> Result<Self, Refusal> {
        let release = &kernel.release;
        let headers = Version::of_headers(system, kernel)
            .map_err(|error| Refusal::final_(release, format!("{error:#}")))?;
        if let Some(slice) = kept {
            if slice.about.forced || slice.about.version.fits(&headers) {
                return Ok(Self::Slice(slice));
            }
        }
        if let Some(path) = own_tree(system, kernel, &headers) {
            return Ok(Self::Here { path, debian: None });
        }
        let Some(source) = version::package(system, kernel) else {
            let why = "its headers are not from a package, so their linux-source is unknown";
            return Err(Refusal::new(release, why, from(kernel)));
        };
        if let Some(slice) = Slice::packaged(system, &source) {
            return Ok(Self::Packaged(slice));
        }
        let package = linux_source(kernel);
        let archive = system.sources().join(format!("{package}.tar.xz"));
        let why = match dpkg::source_of(system, &package) {
            Some(here) if here == source && archive.is_file() && is_trusted(&archive) => {
                return Ok(Self::Here {
                    path: archive,
                    debian: Some(version::name(&source)),
                });
            }
            Some(here) if here == source && archive.is_file() => {
                format!("users other than root can change {}", archive.display())
            }
            Some(here) if here == source => format!("{} is missing", archive.display()),
            Some(here) if here.package == source.package => format!(
                "{package} is version {}, but its headers are {}",
                here.version, source.version
            ),
            Some(here) => format!(
                "{package} is from the source package {}, but its headers are from {}",
                here.package, source.package
            ),
            None => {
                format!("{package} is not installed; it is needed to rebuild the Rust metadata")
            }
        };
        let mend = if let Some(smaller) = sources_package::install_source(system, &source) {
            smaller
        } else if dpkg::offers(system, &package, &source) {
            fetch(kernel)
        } else {
            format!(
                "{} ({} {} is in none of apt's sources)",
                from(kernel),
                source.package,
                source.version
            )
        };
        Err(Refusal::new(release, why, mend))
    }

    /// Returns the slice, and takes it first if necessary.
    ///
    /// # Errors
    ///
    /// If the source is damaged, or the slice can't be written.
    pub fn slice(&self, system: &System, kernel: &Kernel) -> Result<Slice> {
        match self {
            Self::Slice(slice) => Ok(slice.clone()),
            Self::Packaged(slice) => slice.keep(system, &kernel.release),
            Self::Here { path, debian } => Slice::take(system, kernel, path, debian.clone(), false),
        }
    }

    /// Returns whether the user forced a slice of another version than the headers.
    pub fn is_forced(&self) -> bool {
        matches!(self, Self::Slice(slice) if slice.about.forced)
    }
}

/// Returns the name of Debian's package with the source of a kernel's series.
pub fn linux_source(kernel: &Kernel) -> String {
    let (major, minor) = kernel.release.series().unwrap_or_default();
    format!("linux-source-{major}.{minor}")
}

/// Returns whether the archive may be used: by root only if nobody else could have changed it.
fn is_trusted(archive: &Path) -> bool {
    !is_root() || trusted_path(archive).is_ok()
}

/// Returns the whole source tree in which the kernel was built, if that is on this machine.
fn own_tree(system: &System, kernel: &Kernel, headers: &Version) -> Option<PathBuf> {
    let source = system
        .modules()
        .join(kernel.release.as_str())
        .join("source");
    [kernel.common.clone(), kernel.build.clone(), source]
        .into_iter()
        // `source` may lead to a user's home directory, and its code would run here.
        .filter(|tree| !is_root() || trusted_below(&tree.join("rust")).is_ok())
        .filter(|tree| WHOLE.iter().all(|file| tree.join(file).is_file()))
        .find(|tree| version::upstream(tree).is_ok_and(|upstream| upstream == headers.upstream))
}

/// Returns the mend that fetches Debian's source of a kernel.
pub fn fetch(kernel: &Kernel) -> String {
    command(kernel, "--fetch", "linux-source's archive")
}

fn from(kernel: &Kernel) -> String {
    let what = "the source that it was built from";
    command(kernel, &format!("--from DIRECTORY # with {what}"), what)
}

/// Returns the mend that keeps a kernel's source by this option. If the kernel is not on this
/// machine, `preflight` must be told where the source is.
fn command(kernel: &Kernel, option: &str, source: &str) -> String {
    if !kernel.system.is_here() {
        return format!("add --source FILE-OR-DIRECTORY with {source}");
    }
    let (release, options) = (&kernel.release, kernel.system.options());
    format!("dkms-rust source -k {release}{options} {option}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::headers::tests::make_installed;
    use crate::source::archive::tests::FILES;
    use std::fmt::Write;
    use std::fs;

    const RELEASE: &str = "7.3.4+deb13-amd64";

    /// Finds the source when these packages are installed: name, source package, version.
    fn of(packages: &[(&str, &str, &str)], with_archive: bool) -> Result<Source, Refusal> {
        let root = tempfile::tempdir().unwrap();
        make_installed(root.path(), RELEASE, "CONFIG_RUST=y\n");
        let system = System::below(root.path());
        install(&system, packages);
        if with_archive {
            fs::write(system.sources().join("linux-source-7.3.tar.xz"), "").unwrap();
        }
        Source::of(
            &system,
            &Kernel::find(&system, &RELEASE.parse().unwrap()).unwrap(),
            None,
        )
    }

    /// Makes dpkg report these packages as installed.
    fn install(system: &System, packages: &[(&str, &str, &str)]) {
        fs::create_dir_all(system.dpkg().join("info")).unwrap();
        let mut status = String::new();
        for (name, source, version) in packages {
            write!(
                status,
                "Package: {name}\nStatus: install ok installed\nArchitecture: all\n\
                 Source: {source}\nMaintainer: x <x@y>\nVersion: {version}\nDescription: x\n\n"
            )
            .unwrap();
        }
        fs::write(system.dpkg().join("status"), status).unwrap();
    }

    const HEADERS: (&str, &str, &str) = (
        "linux-headers-7.3.4+deb13-amd64",
        "linux",
        "7.3.4-1~bpo13+1",
    );

    #[test]
    fn linux_source_of_the_same_source_package_and_version_fits() {
        let source = ("linux-source-7.3", "linux", "7.3.4-1~bpo13+1");
        let Source::Here { debian, .. } = of(&[HEADERS, source], true).unwrap() else {
            panic!("not here")
        };
        assert_eq!(debian.as_deref(), Some("linux 7.3.4-1~bpo13+1"));
    }

    #[test]
    fn another_revision_or_another_source_of_the_same_version_is_refused() {
        let refused = |source: (&str, &str, &str)| of(&[HEADERS, source], true).unwrap_err();
        let refusal = refused(("linux-source-7.3", "linux", "7.3.4-2"));
        let why = "is version 7.3.4-2, but its headers are 7.3.4-1~bpo13+1";
        assert!(refusal.reason.contains(why), "{refusal}");
        let refusal = refused(("linux-source-7.3", "linux-upstream", "7.3.4-1~bpo13+1"));
        let why = "is from the source package linux-upstream, but its headers are from linux";
        assert!(refusal.reason.contains(why), "{refusal}");
    }

    #[test]
    fn the_slice_that_a_package_brought_is_used_and_kept() {
        let root = tempfile::tempdir().unwrap();
        let build = make_installed(root.path(), RELEASE, "CONFIG_RUST=y\n");
        let system = System::below(root.path());
        install(&system, &[HEADERS]);
        let makefile = build
            .parent()
            .unwrap()
            .join("linux-headers-common/Makefile");
        fs::write(makefile, "VERSION = 7\nPATCHLEVEL = 3\nSUBLEVEL = 4\n").unwrap();
        let kernel = Kernel::find(&system, &RELEASE.parse().unwrap()).unwrap();
        let (_archive, from) = crate::source::archive::tests::archive(FILES);
        let debian = Some("linux 7.3.4-1~bpo13+1".to_owned());
        let slice = Slice::take(&system, &kernel, &from, debian, false).unwrap();
        let folder = system.shared().join("source");
        fs::create_dir_all(&folder).unwrap();
        let packaged = folder.join("linux_7.3.4-1~bpo13+1.tar.xz");
        fs::rename(&slice.file, &packaged).unwrap();

        let found = Source::of(&system, &kernel, None).unwrap();
        assert!(matches!(&found, Source::Packaged(slice) if slice.file == packaged));
        assert_eq!(found.slice(&system, &kernel).unwrap().file, slice.file);
        let kept = Slice::kept(&system, &kernel.release).unwrap();
        assert_eq!(kept.about, slice.about);

        // A slice of another version is not used, whatever its name.
        fs::rename(&packaged, folder.join("linux_7.3.4-2.tar.xz")).unwrap();
        assert!(Source::of(&system, &kernel, None).is_err());
        let other = dpkg::Source {
            package: "linux".into(),
            version: "7.3.4-2".into(),
        };
        assert!(Slice::packaged(&system, &other).is_none());
    }

    #[test]
    fn what_is_missing_is_named() {
        let refusal = of(&[HEADERS], true).unwrap_err();
        assert!(
            refusal.reason.contains("linux-source-7.3 is not installed"),
            "{refusal}"
        );
        let source = ("linux-source-7.3", "linux", "7.3.4-1~bpo13+1");
        let refusal = of(&[HEADERS, source], false).unwrap_err();
        assert!(
            refusal
                .reason
                .ends_with("linux-source-7.3.tar.xz is missing"),
            "{refusal}"
        );
        let refusal = of(&[], true).unwrap_err();
        assert!(
            refusal.reason.contains("are not from a package"),
            "{refusal}"
        );
        // The system is in a directory here, as preflight's is.
        let mend = "add --source FILE-OR-DIRECTORY with the source that it was built from";
        assert_eq!(refusal.mend.as_deref(), Some(mend));
    }

    #[test]
    fn the_tree_that_a_kernel_was_built_in_is_its_source() {
        let root = tempfile::tempdir().unwrap();
        make_installed(root.path(), RELEASE, "");
        let system = System::below(root.path());
        let kernel = Kernel::find(&system, &RELEASE.parse().unwrap()).unwrap();
        let tree = system.modules().join(RELEASE).join("source");
        for file in WHOLE {
            fs::create_dir_all(tree.join(file).parent().unwrap()).unwrap();
            fs::write(tree.join(file), "").unwrap();
        }
        for (makefile, fits) in [("VERSION = 8\n", false), ("VERSION = 7\n", true)] {
            fs::write(tree.join("Makefile"), makefile).unwrap();
            let found = Source::of(&system, &kernel, None);
            let own = matches!(&found, Ok(Source::Here { path, .. }) if *path == tree);
            assert_eq!(own, fits, "{found:?}");
        }
    }
}
