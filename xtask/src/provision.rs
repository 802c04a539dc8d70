// SPDX-License-Identifier: GPL-2.0-only

//! Debian 13 roots, made by mmdebstrap at native speed from the machine's own mirror, with the
//! newest kernel of trixie-backports, its headers and linux-source.
//!
//! A root is kept in the cache under a key of all that went into it (the recipe below and the
//! kernel's version), so a newer kernel in the archive makes a new one. Only the newest is kept.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rustix::fs::{FlockOperation, flock};
use sha2::{Digest, Sha256};

use crate::chroot::Chroot;
use crate::mirror::Mirror;
use crate::mounts;
use crate::newest::{self, Kernel};
use crate::project::Project;
use crate::run::Cmd;
use crate::ui;

/// The suite of the roots, and where its newer kernels are.
const SUITE: &str = "trixie";
const BACKPORTS: &str = "trixie-backports";

/// A Debian that boots, and what a Rust module is built with.
const PACKAGES: &[&str] = &[
    "systemd-sysv",
    "udev",
    "kmod",
    "dkms",
    "rustc",
    "rust-src",
    "bindgen",
    "gcc-14",
    "make",
    "libelf-dev",
    // For the small initramfs that mounts the root of the booted guest.
    "busybox-static",
];

/// Taken from backports, and whatever of their versions they depend on.
const KERNEL_PACKAGES: &[&str] = &["linux-image-amd64", "linux-headers-amd64", "linux-source"];

/// What only the tests need: a layer over the root, so that the demo need not wait for it.
const CHECK_PACKAGES: &[&str] = &[
    "acpi-call-dkms",
    "lintian",
    "man-db",
    // Runs the kernel's script that writes rust-project.json.
    "python3-minimal",
    "rust-clippy",
    "rustfmt",
    "shellcheck",
];

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

/// A root in the cache.
pub struct Root {
    /// The lowest layer, a whole root by itself.
    pub path: PathBuf,
    /// All layers, the topmost first.
    pub layers: Vec<PathBuf>,
    /// The release name of its kernel, as `uname -r` gives it.
    pub release: String,
    /// What all that is made from it is kept under.
    pub folder: PathBuf,
}

impl Root {
    /// The kernel to boot.
    pub fn kernel(&self) -> PathBuf {
        self.path.join(format!("boot/vmlinuz-{}", self.release))
    }

    /// The same with one more layer over it.
    pub fn with_layer(&self, layer: &Path) -> Self {
        Self {
            layers: [vec![layer.to_path_buf()], self.layers.clone()].concat(),
            path: self.path.clone(),
            release: self.release.clone(),
            folder: self.folder.clone(),
        }
    }
}

/// The root with kernel, compiler and dkms; made when it is not in the cache.
pub fn base(project: &Project) -> Result<Root> {
    let mirror = Mirror::find()?;
    let roots = project.cached("roots")?;
    let _lock = lock(project)?;
    let kernel = match ui::step(&format!("ask for the newest kernel in {BACKPORTS}"), || {
        newest::kernel(project, &mirror, BACKPORTS)
    }) {
        Ok(kernel) => kernel,
        Err(error) => match newest_root(&roots) {
            Some(root) => {
                ui::say(&format!("the archive cannot be asked ({error:#})"));
                ui::say(&format!(
                    "going on with the root of {} in the cache",
                    root.release
                ));
                return Ok(root);
            }
            None => return Err(error),
        },
    };
    let folder = roots.join(key(&kernel));
    if let Some(root) = open(&folder) {
        ui::say(&format!(
            "reuse the Debian root of {} in {}",
            root.release,
            folder.display()
        ));
        return Ok(root);
    }
    let what = format!("make a Debian {SUITE} root with kernel {}", kernel.release);
    ui::step(&what, || bootstrap(project, &mirror, &kernel, &folder))?;
    remove_others(&roots, &folder);
    open(&folder).with_context(|| format!("the new root in {} is not whole", folder.display()))
}

/// The root with the tests' own tools over it.
pub fn with_checks(project: &Project, base: &Root) -> Result<Root> {
    let layer = base
        .folder
        .join(format!("checks-{}", digest(&CHECK_PACKAGES.join(" "))));
    let _lock = lock(project)?;
    if !layer.exists() {
        let what = format!("add to the root: {}", CHECK_PACKAGES.join(" "));
        ui::step(&what, || {
            let log = project.log("provision-checks")?;
            let chroot = Chroot::new(project, base)?;
            chroot
                .cmd("apt-get")
                .args(["-q", "update"])
                .log(&log)
                .run()?;
            let install = ["-q", "-y", "--no-install-recommends", "install"];
            chroot
                .cmd("apt-get")
                .args(install)
                .args(CHECK_PACKAGES)
                .log(&log)
                .run()?;
            chroot.cmd("apt-get").arg("clean").log(&log).run()?;
            chroot.keep(&layer)
        })?;
    }
    Ok(base.with_layer(&layer))
}

/// Removes all that is cached.
pub fn clean(project: &Project) -> Result<()> {
    let cache = &project.cache;
    if cache.exists() {
        fs::remove_dir_all(cache).with_context(|| format!("cannot remove {}", cache.display()))?;
    }
    ui::say(&format!("removed {}", cache.display()));
    Ok(())
}

/// Two runs at once must not make the same root.
fn lock(project: &Project) -> Result<File> {
    let path = project.cached("")?.join("lock");
    let file = File::create(&path).with_context(|| format!("cannot open {}", path.display()))?;
    if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        ui::say("another run is making a root; waiting for it");
        flock(&file, FlockOperation::LockExclusive).context("cannot lock the cache")?;
    }
    Ok(file)
}

fn bootstrap(project: &Project, mirror: &Mirror, kernel: &Kernel, folder: &Path) -> Result<()> {
    let work = mounts::scratch_folder(project)?;
    // mmdebstrap's apt runs as _apt, which must be able to reach the root.
    let place = work.path().join("root");
    let include: Vec<String> = PACKAGES
        .iter()
        .map(|name| (*name).to_owned())
        .chain(
            KERNEL_PACKAGES
                .iter()
                .map(|name| format!("{name}/{BACKPORTS}")),
        )
        .collect();
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
        .arg(SUITE)
        .arg(&place)
        .args([SUITE, "trixie-updates", BACKPORTS].map(|suite| mirror.source_line(suite)))
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
    let write = |name: &str, text: &str| {
        let path = work.path().join(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    };
    write("release", &kernel.release)?;
    write("version", &kernel.version)?;
    fs::rename(work.keep(), folder).with_context(|| format!("cannot make {}", folder.display()))
}

/// A root in the cache, when it is whole.
fn open(folder: &Path) -> Option<Root> {
    let release = fs::read_to_string(folder.join("release")).ok()?;
    let path = folder.join("root");
    let root = Root {
        layers: vec![path.clone()],
        path,
        release,
        folder: folder.to_path_buf(),
    };
    root.kernel().exists().then_some(root)
}

fn newest_root(roots: &Path) -> Option<Root> {
    let mut found: Vec<_> = fs::read_dir(roots)
        .ok()?
        .flatten()
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .collect();
    found.sort();
    found.iter().rev().find_map(|(_, folder)| open(folder))
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

fn key(kernel: &Kernel) -> String {
    let parts = [
        PACKAGES,
        KERNEL_PACKAGES,
        RECIPE,
        &[SUITE, BACKPORTS, &kernel.version],
    ];
    digest(&parts.map(|part| part.join("\n")).join("\n\n"))
}

fn digest(text: &str) -> String {
    let sum = Sha256::digest(text.as_bytes());
    sum.iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_kernel_version_is_another_key() {
        let kernel = |version: &str| Kernel {
            version: version.into(),
            release: "r".into(),
        };
        assert_ne!(key(&kernel("1")), key(&kernel("2")));
        assert_eq!(key(&kernel("1")), key(&kernel("1")));
    }
}
