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
pub enum KernelSource {
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

impl KernelSource {
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
            if slice.info.forced || slice.info.version.fits(&headers) {
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
#[path = "find_tests.rs"]
mod tests;
