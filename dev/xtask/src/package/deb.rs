// SPDX-License-Identifier: GPL-2.0-only

//! `xtask deb`: builds the Debian packages with cargo-deb's library.
//!
//! The cargo-deb command cannot write `Architecture: all`, so we use its library. The steps are
//! called one by one, in the same order as in `CargoDeb::process`.
//!
//! Builds are reproducible: all timestamps in a package are the changelog's.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use cargo_deb::assets::{apply_compressed_assets, compressed_assets};
use cargo_deb::compress::{CompressConfig, Format};
use cargo_deb::config::{BuildOptions, PackageConfig};
use cargo_deb::listener::Listener;
use cargo_deb::{BuildEnvironment, CargoLockingFlags, write_deb};

use crate::host::project::Project;
use crate::host::{cargo, date, files, machine, ui};
use crate::package::{assets, sbom};

/// A package to build: the crate that describes it, which of the crate's packages it is if there
/// are several, and its architecture if that differs from the machine's.
struct Package {
    name: &'static str,
    manifest: &'static str,
    variant: Option<&'static str>,
    architecture: Option<&'static str>,
}

const PACKAGES: &[Package] = &[
    Package {
        name: "dkms-rust-common",
        manifest: "dkms-rust/Cargo.toml",
        variant: Some("common"),
        architecture: None,
    },
    Package {
        name: "dkms-rust",
        manifest: "dkms-rust/Cargo.toml",
        variant: None,
        architecture: None,
    },
    // For driver authors' machines; written in Perl.
    Package {
        name: "dh-dkms-rust",
        manifest: "dkms-rust/debhelper/Cargo.toml",
        variant: None,
        architecture: Some("all"),
    },
    // Source only: the user's machine compiles it.
    Package {
        name: "procdriver-dkms",
        manifest: "Cargo.toml",
        variant: None,
        architecture: Some("all"),
    },
];

/// The packages of what was gathered in target/sources.
const SOURCES: Package = Package {
    name: "dkms-rust-sources",
    manifest: "dkms-rust/sources/Cargo.toml",
    variant: None,
    architecture: Some("all"),
};
const CORE: Package = Package {
    name: "dkms-rust-core",
    variant: Some("core"),
    ..SOURCES
};

/// Builds dkms-rust-sources into target/debian. `provides` is its Provides field; its version
/// contains today's date.
pub fn sources(project: &Project, provides: &str) -> Result<PathBuf> {
    let today = date::today()?.replace('-', "");
    of_sources(project, &SOURCES, &today, provides)
}

/// Builds dkms-rust-core into target/debian. `provides` is its Provides field; its version contains
/// the compilers' versions, so that it is the same as long as these are.
pub fn core(project: &Project, provides: &str, compilers: &[String]) -> Result<PathBuf> {
    of_sources(project, &CORE, &compilers.join("+"), provides)
}

fn of_sources(
    project: &Project,
    package: &Package,
    version: &str,
    provides: &str,
) -> Result<PathBuf> {
    machine::need(machine::DEB)?;
    let output = project.product("debian")?;
    let target = cargo::host_target()?;
    ui::step(&format!("pack {}", package.name), || {
        let time = changelog_time(project)?;
        pack(project, package, &target, time, &output, |deb| {
            deb.deb_version = format!("{}+{version}", deb.deb_version);
            deb.provides = Some(provides.to_owned());
        })
    })
}

/// Builds the packages into target/debian and returns their paths.
pub fn build(project: &Project) -> Result<Vec<PathBuf>> {
    machine::need(machine::DEB)?;
    let output = project.product("debian")?;
    let target = cargo::host_target()?;
    ui::step("build dkms-rust", || {
        cargo::static_program(project, "dkms-rust")?;
        let bindgens = cargo::dynamic_programs(project, "dkms-rust-bindgen")?;
        assets::take_bindgens(project, &bindgens)
    })?;
    ui::step("write completions and the list of others' code", || {
        assets::write(project)?;
        sbom::write(project)
    })?;
    let time = changelog_time(project)?;
    let mut debs = Vec::new();
    for package in PACKAGES {
        let deb = ui::step(&format!("pack {}", package.name), || {
            pack(project, package, &target, time, &output, |_| {})
        })?;
        println!("{}", deb.display());
        debs.push(deb);
    }
    Ok(debs)
}

fn pack(
    project: &Project,
    package: &Package,
    target: &str,
    time: u64,
    output: &Path,
    change: impl FnOnce(&mut PackageConfig),
) -> Result<PathBuf> {
    let manifest = project.source.join(package.manifest);
    let listener = Warnings;
    let options = BuildOptions {
        manifest_path: Some(&manifest),
        config_variant: package.variant,
        rust_target_triples: vec![target],
        cargo_locking_flags: CargoLockingFlags {
            locked: true,
            ..CargoLockingFlags::default()
        },
        ..BuildOptions::default()
    };
    let (mut config, packages) = BuildEnvironment::from_manifest(options, &listener)?;
    config.reproducible = true;
    let mut deb = packages
        .into_iter()
        .next()
        .context("cargo-deb found no package to build")?;
    deb.default_timestamp = time;
    if let Some(architecture) = package.architecture {
        deb.architecture = architecture.to_owned();
    }
    change(&mut deb);
    deb.resolve_assets(&listener)?;
    let depends = deb.resolved_binary_dependencies(&listener)?;
    deb.resolved_depends = Some(depends).filter(|depends| !depends.is_empty());
    let compressed = compressed_assets(&deb, &listener)?;
    apply_compressed_assets(&mut deb, compressed);
    deb.sort_assets_by_type();
    let name = format!(
        "{}_{}_{}.deb",
        deb.deb_name, deb.deb_version, deb.architecture
    );
    let path = output.join(name);
    // Remove packages of other versions: they would get into the repository too.
    let prefix = format!("{}_", package.name);
    files::remove_named(output, |name| name.starts_with(&prefix))?;
    // Packages without compiled code must not depend on the machine that packs them, so a crate
    // pinned in Cargo.lock compresses them. The system's xz is used for the rest: its output
    // differs between Debian 12 and 13, but it takes a sixth of the time. The packages of sources
    // also use xz: they are large, and depend on today's archive anyway.
    let compiled = package.architecture.is_none() || package.manifest == SOURCES.manifest;
    let compress = CompressConfig {
        fast: false,
        compress_type: if compiled { Format::Xz } else { Format::Gzip },
        compress_system: compiled,
        rsyncable: false,
    };
    Ok(write_deb(&config, path, &deb, &compress, &listener)?)
}

/// Returns SOURCE_DATE_EPOCH or, if that is not set, the time of the newest changelog entry, in
/// seconds since 1970.
fn changelog_time(project: &Project) -> Result<u64> {
    if let Ok(given) = env::var("SOURCE_DATE_EPOCH") {
        return given
            .parse()
            .with_context(|| format!("SOURCE_DATE_EPOCH is `{given}`, not seconds since 1970"));
    }
    let path = project.source.join("debian/changelog");
    let text = files::text(&path)?;
    let newest = newest_date(&text)
        .with_context(|| format!("{} has no line ` -- name  date`", path.display()))?;
    date::seconds(newest)
}

fn newest_date(changelog: &str) -> Option<&str> {
    changelog
        .lines()
        .find_map(|line| line.strip_prefix(" -- ")?.split_once("  "))
        .map(|(_, date)| date.trim())
}

/// Shows cargo-deb's warnings, but not its progress.
struct Warnings;

impl Listener for Warnings {
    fn warning(&self, text: String) {
        // cargo-deb says this about each of our files in target/assets. They are written before, so
        // nothing is missing.
        if text.starts_with("Only source paths starting with exactly 'target/release/'") {
            return;
        }
        ui::say(&format!("cargo-deb warns: {text}"));
    }

    fn info(&self, _: String) {}

    fn progress(&self, _: &str, _: String) {}

    fn generated_archive(&self, _: &Path) {}
}

/// Fails unless two builds of the same packages are identical.
pub fn compare(first: &[PathBuf], second: &[PathBuf]) -> Result<()> {
    if first.len() != second.len() {
        bail!(
            "{} packages the first time, {} the second",
            first.len(),
            second.len()
        );
    }
    for (a, b) in first.iter().zip(second) {
        let read = |path: &PathBuf| files::bytes(path);
        if a.file_name() != b.file_name() {
            bail!("{} was called {} the second time", a.display(), b.display());
        }
        if read(a)? != read(b)? {
            bail!("{} and {} differ", a.display(), b.display());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_newest_changelog_date_is_the_first() {
        let text = "a (2) unstable; urgency=low\n\n  * x\n\n -- N <n@e>  Sun, 22 Nov 2026 20:00:00 +0000\n\n\
                    a (1) unstable; urgency=low\n\n -- N <n@e>  Sat, 21 Nov 2026 20:00:00 +0000\n";
        assert_eq!(newest_date(text), Some("Sun, 22 Nov 2026 20:00:00 +0000"));
    }

    #[test]
    fn a_changelog_without_a_date_has_none() {
        assert_eq!(newest_date("a (1) unstable; urgency=low\n\n  * x\n"), None);
    }

    #[test]
    fn packages_that_differ_in_one_byte_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let write = |folder: &str, bytes: &[u8]| {
            let folder = dir.path().join(folder);
            fs::create_dir(&folder).unwrap();
            let path = folder.join("x.deb");
            fs::write(&path, bytes).unwrap();
            vec![path]
        };
        let (a, b, c) = (write("a", b"one"), write("b", b"one"), write("c", b"two"));
        assert!(compare(&a, &b).is_ok());
        assert!(compare(&a, &c).is_err());
    }
}
