// SPDX-License-Identifier: GPL-2.0-only

//! The full guest: a Debian with systemd and apt, for what happens in a package's life.
//!
//! Its root is the cached image, which is never written. What a run brings (the script, the apt
//! repository, dkms-rust's warmed cache) comes on a second disk.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::debian::modules;
use crate::debian::root::Root;
use crate::guest::machine::Pace;
use crate::guest::outcome::Outcome;
use crate::guest::qemu::Vm;
use crate::guest::{cpio, image};
use crate::host::files;
use crate::host::mounts::{self, Overlay};
use crate::host::project::Project;
use crate::host::run::Cmd;
use crate::package::repo;

/// The script that installs, looks and removes.
pub const PACKAGE_LIFE: &str = concat!(
    include_str!("scripts/begin.sh"),
    include_str!("scripts/package-life.sh"),
    "end\n"
);

/// The same, and then an author's module.
pub const PACKAGE_LIFE_AND_OWN_MODULE: &str = concat!(
    include_str!("scripts/begin.sh"),
    include_str!("scripts/package-life.sh"),
    include_str!("scripts/own-module.sh"),
    "end\n"
);

/// What Debian's own infrastructure would run.
pub const INSTALL_TEST: &str = include_str!("../../../../debian/tests/install");

/// What ext4 asks an older kernel for while it mounts.
const CHECKSUM_MODULES: &[&str] = &["crc32c_generic"];

/// The script that installs where the kernel does not know dkms's key.
pub const SIGNING: &str = concat!(
    include_str!("scripts/begin.sh"),
    include_str!("scripts/signing.sh")
);

/// What the kernel needs to find its disks.
const DISK_MODULES: &[&str] = &["virtio_pci", "virtio_blk", "ext4"];

/// Long enough for an emulated machine that shares its processors with others.
pub const TIMEOUT: Duration = Duration::from_secs(900);

/// What a run brings along.
pub struct Payload<'a> {
    /// The script that the guest runs.
    pub script: &'a str,
    /// The apt repository.
    pub repo: &'a Path,
    /// More of them, by the names of their sources files.
    pub more: &'a [(&'a str, &'a Path)],
    /// A folder with dkms-rust's cache in it, as `cache`.
    pub warm: &'a Path,
    /// Words for the kernel.
    pub words: &'a str,
    /// More files, by their names.
    pub files: &'a [(&'a str, &'a [u8])],
    /// How long it may take.
    pub timeout: Duration,
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
    fs::write(&initramfs, boot_initramfs(&root.path, &root.release)?)
        .context("cannot write the initramfs")?;
    let vm = Vm {
        kernel: root.kernel(&root.release)?,
        initramfs,
        cmdline: format!("systemd.show_status=false {}", payload.words),
        firmware: None,
        disks: vec![system, disk],
        devices: &[],
        memory: 2048,
        // apt does one thing at a time, and emulation is one thread in any case.
        processors: 1,
        pace: Pace::Fast,
        timeout: payload.timeout,
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
    write("install-test", INSTALL_TEST)?;
    for (name, repo) in [("procdriver", payload.repo)].iter().chain(payload.more) {
        let inside = format!("/srv/guest/{name}");
        write(
            &format!("{name}.sources"),
            &repo::sources_at(repo, &inside)?,
        )?;
        Cmd::new("cp")
            .args(["-r", "-T"])
            .args([repo, &dir.join(name).as_path()])
            .run()?;
    }
    image::from_folder(project, dir, disk, 256)
}

/// An initramfs that mounts the disks and hands over to the root's systemd.
pub fn boot_initramfs(root: &Path, release: &str) -> Result<Vec<u8>> {
    let mut archive = cpio::Archive::new()?;
    archive.file("init", 0o755, include_bytes!("scripts/boot-init.sh"))?;
    archive.directory("bin")?;
    let busybox = root.join("usr/bin/busybox");
    let busybox = files::bytes(&busybox)?;
    archive.file("bin/busybox", 0o755, &busybox)?;
    archive.directory("modules")?;
    for module in modules::collect(root, release, CHECKSUM_MODULES, DISK_MODULES)? {
        archive.file(&format!("modules/{}", module.name), 0o644, &module.bytes)?;
    }
    archive.finish()
}
