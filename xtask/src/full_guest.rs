// SPDX-License-Identifier: GPL-2.0-only

//! The full guest: a Debian with systemd and apt, for what happens in a package's life.
//!
//! Its root is the cached image, which is never written. What a run brings (the script, the apt
//! repository, dkms-rust's warmed cache) comes on a second disk.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::mounts::{self, Overlay};
use crate::project::Project;
use crate::qemu::{Outcome, Pace, Vm};
use crate::root::Root;
use crate::{cpio, image, modules, repo};

/// The script that installs, looks and removes.
pub const PACKAGE_LIFE: &str = include_str!("guest/package-life.sh");

/// The script that installs where the kernel does not know dkms's key.
pub const SIGNING: &str = include_str!("guest/signing.sh");

/// What the kernel needs to find its disks.
const DISK_MODULES: &[&str] = &["virtio_pci", "virtio_blk", "ext4"];

/// Long enough for an emulated machine that shares its processors with others.
const TIMEOUT: Duration = Duration::from_secs(900);

/// What a run brings along.
pub struct Payload<'a> {
    /// The script that the guest runs.
    pub script: &'a str,
    /// The apt repository.
    pub repo: &'a Path,
    /// A folder with dkms-rust's cache in it, as `cache`.
    pub warm: &'a Path,
    /// Words for the kernel.
    pub words: &'a str,
    /// More files, by their names.
    pub files: &'a [(&'a str, &'a [u8])],
}

/// Boots it, and hands over each line of the console as it comes.
pub fn run(
    project: &Project,
    root: &Root,
    payload: &Payload<'_>,
    name: &str,
    on_line: &mut dyn FnMut(&str),
) -> Result<Outcome> {
    let system = image::system(project, root)?;
    let work = mounts::scratch_folder(project)?;
    let disk = work.path().join("payload.img");
    write_payload(project, payload, &disk)?;
    let initramfs = work.path().join("initramfs");
    fs::write(&initramfs, boot_initramfs(root)?).context("cannot write the initramfs")?;
    let vm = Vm {
        kernel: root.kernel(&root.release)?,
        initramfs,
        cmdline: format!("systemd.show_status=false {}", payload.words),
        firmware: None,
        disks: vec![system, disk],
        memory: 2048,
        // apt does one thing at a time, and emulation is one thread in any case.
        processors: 1,
        pace: Pace::Fast,
        timeout: TIMEOUT,
        log: project.log(name)?,
    };
    vm.run(on_line)
}

fn write_payload(project: &Project, payload: &Payload<'_>, disk: &Path) -> Result<()> {
    // An overlay, so that the cache need not be copied to have more beside it.
    let overlay = Overlay::over(project, &[payload.warm.to_path_buf()])?;
    let dir = overlay.path();
    let write_bytes = |name: &str, bytes: &[u8]| {
        fs::write(dir.join(name), bytes).with_context(|| format!("cannot write the guest's {name}"))
    };
    let write = |name: &str, text: &str| write_bytes(name, text.as_bytes());
    for (name, bytes) in payload.files {
        write_bytes(name, bytes)?;
    }
    write("run", payload.script)?;
    write(
        repo::SOURCES,
        &repo::sources_at(payload.repo, "/srv/guest/repo")?,
    )?;
    let place = dir.join("repo");
    fs::create_dir(&place).context("cannot make the guest's repository")?;
    for entry in fs::read_dir(payload.repo).context("cannot list the repository")? {
        let entry = entry?;
        fs::copy(entry.path(), place.join(entry.file_name()))
            .with_context(|| format!("cannot copy {}", entry.path().display()))?;
    }
    image::from_folder(project, dir, disk, 256)
}

fn boot_initramfs(root: &Root) -> Result<Vec<u8>> {
    let mut archive = cpio::Archive::new();
    archive.file("init", 0o755, include_bytes!("guest/boot-init.sh"));
    archive.directory("bin");
    let busybox = root.path.join("usr/bin/busybox");
    let busybox =
        fs::read(&busybox).with_context(|| format!("cannot read {}", busybox.display()))?;
    archive.file("bin/busybox", 0o755, &busybox);
    archive.directory("modules");
    for module in modules::collect(&root.path, &root.release, DISK_MODULES)? {
        archive.file(&format!("modules/{}", module.name), 0o644, &module.bytes);
    }
    Ok(archive.finish())
}
