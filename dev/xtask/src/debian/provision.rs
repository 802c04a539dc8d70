// SPDX-License-Identifier: GPL-2.0-only

//! Debian roots with a kernel, its headers and linux-source. mmdebstrap makes them at native speed
//! from the machine's own mirror.
//!
//! A root is cached under a key of everything that goes into it (the recipe below and the kernel's
//! version), so a newer kernel in the archive makes a new root. Only the newest root of each suite
//! is kept.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::debian::archive;
use crate::debian::kernel::Kernel;
use crate::debian::kernels::{Debian, TESTED};
use crate::debian::mirror::Mirror;
use crate::debian::root::Root;
use crate::host::project::Project;
use crate::host::run::Cmd;
use crate::host::{date, digest, files, lock, mounts, ui};

/// Packages for a bootable Debian, and for building Rust modules. The C compiler comes as a
/// dependency of the kernel's headers, which know the right one.
const PACKAGES: &[&str] = &[
    "systemd-sysv",
    "udev",
    "kmod",
    "dkms",
    "rustc",
    "rust-src",
    "bindgen",
    "make",
    "libelf-dev",
    // For the small initramfs that mounts the guest's root.
    "busybox-static",
];

/// Packages from the kernel's suite, with their dependencies in the matching versions.
const KERNEL_PACKAGES: &[&str] = &["linux-image-amd64", "linux-headers-amd64", "linux-source"];

/// mmdebstrap options that define the root.
const RECIPE: &[&str] = &[
    "--mode=root",
    "--variant=minbase",
    "--aptopt=APT::Install-Recommends \"false\"",
    "--aptopt=Acquire::Languages \"none\"",
    // A root that is damaged by a crash of this machine is simply made again.
    "--dpkgopt=force-unsafe-io",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
];

/// Returns the root with kernel, compiler and dkms. Makes it if it is not cached.
pub fn base(project: &Project, debian: &Debian) -> Result<Root> {
    let mirror = Mirror::find()?;
    let offered = archive::kernels(project, &mirror, debian)?;
    base_with(project, debian, &mirror, &offered)
}

/// Like [`base`], if the kernels in the archive are already known.
pub fn base_with(
    project: &Project,
    debian: &Debian,
    mirror: &Mirror,
    offered: &[Kernel],
) -> Result<Root> {
    let roots = project.cached(&format!("roots/{}", debian.suite))?;
    let _lock = lock::take(&roots.with_extension("lock"))?;
    let kernel = archive::first(offered, debian)?;
    let folder = roots.join(key(debian, kernel));
    if let Some(root) = open(&folder, kernel, offered) {
        ui::say(&format!(
            "reuse the Debian root of {} in {}",
            root.release,
            folder.display()
        ));
        return Ok(root);
    }
    let what = format!(
        "make a Debian {} root with kernel {}",
        debian.suite, kernel.release
    );
    let include: Vec<String> = PACKAGES
        .iter()
        .map(|name| (*name).to_owned())
        .chain(
            KERNEL_PACKAGES
                .iter()
                .map(|name| format!("{name}/{}", debian.kernel)),
        )
        .collect();
    ui::step(&what, || {
        let from = (debian.suite, debian.archives);
        bootstrap(project, mirror, from, &include, &folder)
    })?;
    remove_others(&roots, &folder);
    open(&folder, kernel, offered)
        .with_context(|| format!("the new root in {} is not whole", folder.display()))
}

/// Returns a minimal root of the tested suite with its kernel and nothing else.
pub fn plain(project: &Project) -> Result<Root> {
    let mirror = Mirror::find()?;
    let suite = TESTED.suite;
    let roots = project.cached(&format!("roots/plain-{suite}"))?;
    let _lock = lock::take(&roots.with_extension("lock"))?;
    let folder = roots.join(date::today()?);
    let path = folder.join("root");
    if !path.exists() {
        let what = format!("make a minimal Debian {suite} root");
        let include = ["linux-image-amd64".to_owned()];
        ui::step(&what, || {
            bootstrap(project, &mirror, (suite, &[suite]), &include, &folder)
        })?;
        remove_others(&roots, &folder);
    }
    Ok(Root {
        layers: vec![path.clone()],
        path,
        release: String::new(),
        folder,
        offered: Vec::new(),
    })
}

/// Removes the whole cache.
pub fn clean(project: &Project) -> Result<()> {
    let cache = &project.cache;
    if cache.exists() {
        files::remove(cache)?;
    }
    ui::say(&format!("removed {}", cache.display()));
    Ok(())
}

/// Makes a root of a suite, with these packages from that suite and other archives.
fn bootstrap(
    project: &Project,
    mirror: &Mirror,
    (suite, archives): (&str, &[&str]),
    include: &[String],
    folder: &Path,
) -> Result<()> {
    let work = mounts::scratch_folder(project)?;
    // mmdebstrap's apt runs as _apt, which must have access to the root.
    let place = work.path().join("root");
    let mut count = 0;
    Cmd::new("mmdebstrap")
        .args(RECIPE)
        // Otherwise nothing is printed about the packages for minutes.
        .arg("--verbose")
        .args(
            mirror
                .apt_options
                .iter()
                .map(|option| format!("--aptopt={option}")),
        )
        .arg(format!("--include={}", include.join(",")))
        .arg(suite)
        .arg(&place)
        .args(archives.iter().map(|suite| mirror.source_line(suite)))
        // dracut's kernel hook honours this: the guests have their own initramfs.
        .env("INITRD", "No")
        .log(&project.log("provision")?)
        .stream(&mut |line| {
            if let Some(news) = line.strip_prefix("I: ") {
                ui::say(&format!("  mmdebstrap: {news}"));
            } else if line.starts_with("Setting up ") {
                count += 1;
                if count % 50 == 0 {
                    ui::say(&format!("  {count} packages set up"));
                }
            }
        })?
        .must_succeed("mmdebstrap")?;
    files::rename(&work.keep(), folder)
}

/// Returns a root from the cache, if it is complete.
fn open(folder: &Path, kernel: &Kernel, offered: &[Kernel]) -> Option<Root> {
    let path = folder.join("root");
    let root = Root {
        layers: vec![path.clone()],
        path,
        release: kernel.release.clone(),
        folder: folder.to_path_buf(),
        offered: offered.to_vec(),
    };
    root.kernel(&root.release).is_ok().then_some(root)
}

fn remove_others(roots: &Path, keep: &Path) {
    let Ok(entries) = fs::read_dir(roots) else {
        return;
    };
    for entry in entries.flatten().filter(|entry| entry.path() != keep) {
        ui::say(&format!("remove the older root {}", entry.path().display()));
        if let Err(error) = fs::remove_dir_all(entry.path()) {
            ui::say(&format!("  it stays: {error}"));
        }
    }
}

fn key(debian: &Debian, kernel: &Kernel) -> String {
    let parts = [
        PACKAGES,
        KERNEL_PACKAGES,
        RECIPE,
        debian.archives,
        &[debian.suite, debian.kernel, &kernel.version],
    ];
    digest::of(parts.map(|part| part.join("\n")).join("\n\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::debian::kernels::TESTED;

    #[test]
    fn another_kernel_version_is_another_key() {
        let kernel = |version: &str| Kernel {
            suite: "s".into(),
            series: "7.3".into(),
            flavour: "amd64".into(),
            version: version.into(),
            release: "r".into(),
            before: None,
        };
        assert_ne!(key(TESTED, &kernel("1")), key(TESTED, &kernel("2")));
        assert_eq!(key(TESTED, &kernel("1")), key(TESTED, &kernel("1")));
    }
}
