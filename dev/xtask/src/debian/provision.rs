// SPDX-License-Identifier: GPL-2.0-only

//! Debian roots, made by mmdebstrap at native speed from the machine's own mirror, with a kernel,
//! its headers and linux-source.
//!
//! A root is kept in the cache under a key of all that went into it (the recipe below and the
//! kernel's version), so a newer kernel in the archive makes a new one. Of each suite only the
//! newest is kept.

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

/// A Debian that boots, and what a Rust module is built with. The C compiler comes with the
/// kernel's headers, which know which one it is.
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
    // For the small initramfs that mounts the root of the booted guest.
    "busybox-static",
];

/// Taken from the suite of the kernel, and whatever of their versions they depend on.
const KERNEL_PACKAGES: &[&str] = &["linux-image-amd64", "linux-headers-amd64", "linux-source"];

/// Options of mmdebstrap that shape the root.
const RECIPE: &[&str] = &[
    "--mode=root",
    "--variant=minbase",
    "--aptopt=APT::Install-Recommends \"false\"",
    "--aptopt=Acquire::Languages \"none\"",
    // A root that a crash of this machine damages is made anew.
    "--dpkgopt=force-unsafe-io",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
];

/// The root with kernel, compiler and dkms; made when it is not in the cache.
pub fn base(project: &Project, debian: &Debian) -> Result<Root> {
    let mirror = Mirror::find()?;
    let offered = archive::kernels(project, &mirror, debian)?;
    base_with(project, debian, &mirror, &offered)
}

/// The same, when it is known which kernels the archive has.
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

/// A minimal root of the tested suite with its kernel and nothing else.
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

/// Removes all that is cached.
pub fn clean(project: &Project) -> Result<()> {
    let cache = &project.cache;
    if cache.exists() {
        files::remove(cache)?;
    }
    ui::say(&format!("removed {}", cache.display()));
    Ok(())
}

/// Makes a root of a suite, from it and others, with these packages.
fn bootstrap(
    project: &Project,
    mirror: &Mirror,
    (suite, archives): (&str, &[&str]),
    include: &[String],
    folder: &Path,
) -> Result<()> {
    let work = mounts::scratch_folder(project)?;
    // mmdebstrap's apt runs as _apt, which must be able to reach the root.
    let place = work.path().join("root");
    let mut count = 0;
    Cmd::new("mmdebstrap")
        .args(RECIPE)
        // Otherwise nothing is heard of the packages for minutes.
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
        // Honoured by dracut's kernel hook: the guests bring an initramfs of their own.
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

/// A root in the cache, when it is whole.
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
