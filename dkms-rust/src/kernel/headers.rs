// SPDX-License-Identifier: GPL-2.0-only

//! An installed kernel, as its headers describe it.

use crate::kernel::kconfig::Kconfig;
use crate::kernel::missing;
use crate::kernel::owner;
use crate::kernel::refusal::Refusal;
use crate::kernel::release::Release;
use crate::system::System;
use crate::system::bounded;
use crate::system::elf;
use crate::system::trusted::is_root;
use std::fs;
use std::path::{Path, PathBuf};

/// The file with the options that are set, as kbuild reads them.
const AUTO_CONF: &str = "include/config/auto.conf";

/// The file that says which kernel the headers belong to.
const RELEASE: &str = "include/config/kernel.release";

/// The programs that kbuild runs for every module.
const TOOLS: [&str; 2] = ["scripts/basic/fixdep", "scripts/mod/modpost"];

/// A kernel with headers.
#[derive(Debug)]
pub struct Kernel {
    /// The system that it is installed on.
    pub system: System,
    /// Its release.
    pub release: Release,
    /// Its build tree, as a path without links: the flavour's headers, most often
    /// `/lib/modules/<release>/build`.
    pub build: PathBuf,
    /// The source tree that the build tree includes: Debian's `-common` headers, or the build tree
    /// itself if there is only one tree.
    pub common: PathBuf,
    /// Its configuration.
    pub config: Kconfig,
}

impl Kernel {
    /// Finds a kernel.
    ///
    /// # Errors
    ///
    /// A refusal if it is not installed, or its headers are missing or incomplete.
    pub fn find(system: &System, release: &Release) -> Result<Self, Refusal> {
        let modules = system.modules().join(release.as_str());
        if !modules.is_dir() {
            let mend = format!("name one of the kernels in {}", system.modules().display());
            return Err(Refusal::new(release, "no such kernel is installed", mend));
        }
        let headers = |why: &str| Refusal::new(release, why, missing::headers(system, release));
        let build = fs::canonicalize(system.headers(release.as_str()))
            .map_err(|_| headers("its headers are not installed"))?;
        let common = common(&build).unwrap_or_else(|| build.clone());
        if is_root() {
            owner::check(system, release, &build, &common)?;
        }
        if system.has_other_headers() {
            check_release(system, release, &build)?;
        }
        for part in ["Makefile", AUTO_CONF, "include/generated/autoconf.h"] {
            if !build.join(part).exists() {
                let why = format!("its headers lack {part}");
                return Err(Refusal::new(
                    release,
                    why,
                    missing::file(system, &build, part, "modules_prepare"),
                ));
            }
        }
        // Some headers come without a .config; auto.conf contains all options that are set, too.
        let config = [".config", AUTO_CONF]
            .iter()
            .find_map(|name| {
                let bytes = bounded::read(&build.join(name), bounded::TEXT).ok()?;
                String::from_utf8(bytes).ok()
            })
            .ok_or_else(|| headers("its configuration can't be read"))?;
        Ok(Self {
            system: system.clone(),
            release: release.clone(),
            common,
            build,
            config: Kconfig::parse(&config),
        })
    }

    /// Returns the name of the directory below `arch/` that the kernel was built from, such as
    /// `x86`.
    pub fn srcarch(&self) -> Option<String> {
        fs::read_dir(self.build.join("arch"))
            .ok()?
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .find(|name| {
                self.build
                    .join("arch")
                    .join(name)
                    .join("include/generated")
                    .is_dir()
            })
    }

    /// Returns whether clang built the kernel.
    pub fn built_by_clang(&self) -> bool {
        self.config.is_on("CC_IS_CLANG")
    }

    /// Refuses the kernel if its headers lack what every module is built with, or if that does not
    /// run here: the list of exported symbols, and kbuild's own tools.
    ///
    /// # Errors
    ///
    /// The refusal.
    pub fn can_build(&self) -> Result<(), Refusal> {
        let (system, build) = (&self.system, &self.build);
        let refuse = |why: String, file: &str, target: &str| {
            let mend = missing::file(system, build, file, target);
            Err(Refusal::new(&self.release, why, mend))
        };
        if !fs::metadata(self.symvers()).is_ok_and(|meta| meta.len() > 0) {
            let why = "its headers lack Module.symvers, which lists what the kernel exports";
            return refuse(why.to_owned(), "Module.symvers", "modules");
        }
        for tool in TOOLS {
            let path = build.join(tool);
            let Some(machine) = elf::machine(&path) else {
                if !path.exists() {
                    let why = format!("its headers lack {tool}");
                    return refuse(why, tool, "modules_prepare");
                }
                continue;
            };
            if !elf::runs_here(machine) {
                let why = format!(
                    "{} is not a program for this machine ({}), so its headers can't be used here",
                    path.display(),
                    std::env::consts::ARCH
                );
                return Err(Refusal::final_(&self.release, why));
            }
        }
        Ok(())
    }

    /// Returns the path of the file with the kernel's exported symbols.
    pub fn symvers(&self) -> PathBuf {
        self.build.join("Module.symvers")
    }
}

/// Returns the tree that the short Makefile of a build tree includes, as in Debian and Ubuntu.
fn common(build: &Path) -> Option<PathBuf> {
    let makefile = fs::read_to_string(build.join("Makefile")).ok()?;
    let included = makefile
        .lines()
        .find_map(|line| line.strip_prefix("include "))?;
    let tree = Path::new(included.trim()).parent()?;
    fs::canonicalize(build.join(tree))
        .ok()
        .filter(|tree| tree.join("Makefile").is_file())
}

/// Refuses headers that belong to another kernel than the requested one.
fn check_release(system: &System, release: &Release, build: &Path) -> Result<(), Refusal> {
    let theirs = fs::read_to_string(build.join(RELEASE)).unwrap_or_default();
    let theirs = theirs.trim();
    if theirs.is_empty() || theirs == release.as_str() {
        return Ok(());
    }
    let why = format!(
        "the headers in {} are those of {theirs}",
        system.shown(build)
    );
    let mend = format!("name its own headers, or the kernel that these are for: -k {theirs}");
    Err(Refusal::new(release, why, mend))
}

#[cfg(test)]
#[path = "headers_tests.rs"]
pub(crate) mod tests;
