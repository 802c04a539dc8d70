// SPDX-License-Identifier: GPL-2.0-only

//! The full guest: a Debian with systemd and apt, to test the packages over their lifetime.
//!
//! Its root is the cached image, which is never written to. The data of a run (script, apt
//! repository, dkms-rust's warmed cache) is on a second disk.

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

/// The script that installs, checks and removes the packages.
pub const PACKAGE_LIFE: &str = concat!(
    include_str!("scripts/begin.sh"),
    include_str!("scripts/package-life.sh"),
    "end\n"
);

/// Like [`PACKAGE_LIFE`], followed by an author's own module.
pub const PACKAGE_LIFE_AND_OWN_MODULE: &str = concat!(
    include_str!("scripts/begin.sh"),
    include_str!("scripts/package-life.sh"),
    include_str!("scripts/own-module.sh"),
    "end\n"
);

/// The test that Debian's own infrastructure would run.
pub const INSTALL_TEST: &str = include_str!("../../../../debian/tests/install");

/// Modules that ext4 requests at mount time on an older kernel.
const CHECKSUM_MODULES: &[&str] = &["crc32c_generic"];

/// The script for an installation when the kernel does not know dkms's key.
pub const SIGNING: &str = concat!(
    include_str!("scripts/begin.sh"),
    include_str!("scripts/signing.sh")
);

/// The script for a prebuilt module in a container image and in a system extension.
pub const EXPORTED: &str = concat!(
    include_str!("scripts/begin.sh"),
    "mkdir -p /var/lib/extensions\n",
    include_str!("scripts/exported.sh")
);

/// Modules that the kernel needs to find its disks.
const DISK_MODULES: &[&str] = &["virtio_pci", "virtio_blk", "ext4"];

/// Long enough for an emulated machine on busy processors.
pub const TIMEOUT: Duration = Duration::from_secs(900);

/// The data of a run.
pub struct Payload<'a> {
    /// The script that the guest runs.
    pub script: &'a str,
    /// The apt repository.
    pub repo: &'a Path,
    /// More repositories, with the names of their sources files.
    pub more: &'a [(&'a str, &'a Path)],
    /// A directory to copy, for most scripts one with dkms-rust's cache in `cache`.
    pub warm: &'a Path,
    /// Additional kernel parameters.
    pub words: &'a str,
    /// More files: names and contents.
    pub files: &'a [(&'a str, &'a [u8])],
    /// The time limit.
    pub timeout: Duration,
}

/// Boots the guest, and passes on each console line as it arrives.
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
        // apt is sequential, and emulation runs in one thread anyway.
        processors: 1,
        pace: Pace::Fast,
        timeout: payload.timeout,
        log: project.log(name)?,
    };
    vm.run(on_line)
}

fn write_payload(project: &Project, payload: &Payload<'_>, disk: &Path) -> Result<()> {
    // Use an overlay, so that files can be added without copying the cache.
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

/// Makes an initramfs that mounts the disks and starts the root's systemd.
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
