// SPDX-License-Identifier: GPL-2.0-only

//! Disk images: the Debian root as a bootable system, and small disks for files.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use crate::debian::chroot;
use crate::debian::root::Root;
use crate::host::mounts::{self, Overlay};
use crate::host::project::Project;
use crate::host::run::Cmd;
use crate::host::{files, ui};

/// Files that make a root run what is on the second disk.
const FILES: &[(&str, &str)] = &[
    (
        "etc/systemd/system/procdriver-guest.service",
        include_str!("scripts/guest.service"),
    ),
    ("etc/hostname", "guest\n"),
    // Fixed, so that no boot is a "first boot" with extra work.
    ("etc/machine-id", "0123456789abcdef0123456789abcdef\n"),
    // Newer than /usr, so that no boot updates caches.
    ("etc/.updated", ""),
    ("var/.updated", ""),
];

/// Units that are useless in a guest that lives for minutes, or that would write to its console.
const MASKED: &[&str] = &[
    "apt-daily-upgrade.timer",
    "apt-daily.timer",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "fstrim.timer",
    "getty@tty1.service",
    "serial-getty@ttyS0.service",
    "systemd-tmpfiles-clean.timer",
];

/// Kernel modules to keep in the image, by directory of the kernel's source. The rest is for
/// hardware and networks that the guest does not have. depmod reads all modules whenever one is
/// installed, which would take minutes in an emulated machine.
const MODULES: &[&str] = &[
    "arch",
    "block",
    "crypto",
    "drivers/block",
    "drivers/virtio",
    "fs/ext4",
    "fs/jbd2",
    // systemd-sysext needs these.
    "fs/overlayfs",
    "fs/squashfs",
    "kernel",
    "lib",
    "mm",
];

/// Returns the root as a bootable ext4 image. Makes it if it is not cached.
pub fn system(project: &Project, root: &Root) -> Result<PathBuf> {
    let image = root.folder.join(format!("system-{}.img", recipe()));
    if image.exists() {
        return Ok(image);
    }
    ui::step("make a disk image of the root", || {
        let overlay = Overlay::over(project, &root.layers)?;
        prepare(overlay.path())?;
        leave_out_modules(overlay.path(), &root.release)?;
        let work = mounts::scratch_folder(project)?;
        let new = work.path().join("image");
        from_folder(project, overlay.path(), &new, 1024)?;
        files::rename(&new, &image)
    })?;
    Ok(image)
}

/// Makes an image with the contents of a directory, and this much free space.
pub fn from_folder(project: &Project, folder: &Path, image: &Path, free_mib: u64) -> Result<()> {
    let used = Cmd::new("du")
        .args(["-sm", "--apparent-size"])
        .arg(folder)
        .stdout()?;
    let used: u64 = used
        .split_whitespace()
        .next()
        .and_then(|word| word.parse().ok())
        .with_context(|| format!("du did not say a size but `{used}`"))?;
    // Each small file takes a whole block, and the file system's tables need space too.
    let size = used + used / 4 + free_mib + 32;
    let mke2fs = crate::host::machine::find("mke2fs").context("mke2fs is missing")?;
    Cmd::new(mke2fs)
        // No lazy initialisation: the guest would do it, at a fraction of the speed.
        .args([
            "-q",
            "-F",
            "-t",
            "ext4",
            "-m",
            "0",
            "-E",
            "lazy_itable_init=0,lazy_journal_init=0",
        ])
        .arg("-d")
        .arg(folder)
        .arg(image)
        .arg(format!("{size}M"))
        .log(&project.log("image")?)
        .run()?;
    Ok(())
}

/// Makes a root run what it is booted for, and disables units that a guest does not need.
pub fn prepare(root: &Path) -> Result<()> {
    chroot::without_sources(root)?;
    for (name, content) in FILES {
        let path = root.join(name);
        // The name may be a link that leads out of the root.
        let _ = fs::remove_file(&path);
        files::write(&path, content)?;
    }
    let units = root.join("etc/systemd/system");
    let wants = units.join("multi-user.target.wants");
    for dir in [&wants, &root.join("srv/guest")] {
        files::make_dir(dir)?;
    }
    let link = |target: &str, path: PathBuf| {
        let _ = fs::remove_file(&path);
        symlink(target, &path).with_context(|| format!("cannot make {}", path.display()))
    };
    link(
        "../procdriver-guest.service",
        wants.join("procdriver-guest.service"),
    )?;
    MASKED
        .iter()
        .try_for_each(|unit| link("/dev/null", units.join(unit)))
}

fn leave_out_modules(root: &Path, release: &str) -> Result<()> {
    let kernel = root.join("usr/lib/modules").join(release).join("kernel");
    trim(&kernel, Path::new(""))?;
    Cmd::new("chroot")
        .arg(root)
        .args(["/usr/sbin/depmod", release])
        .run()?;
    Ok(())
}

/// Removes everything that is neither in a kept directory nor a parent of one.
fn trim(kernel: &Path, place: &Path) -> Result<()> {
    let dir = kernel.join(place);
    for path in files::list(&dir)? {
        let name = place.join(path.file_name().unwrap_or_default());
        if stays(&name) {
            continue;
        }
        // Do not follow a link to a directory.
        if path.is_dir() && !path.is_symlink() && leads_to_kept(&name) {
            trim(kernel, &name)?;
        } else {
            files::remove(&path)?;
        }
    }
    Ok(())
}

fn stays(name: &Path) -> bool {
    // mbcache and similar modules are in fs itself.
    MODULES.iter().any(|kept| name.starts_with(kept))
        || name.parent() == Some(Path::new("fs")) && name.extension().is_some()
}

fn leads_to_kept(name: &Path) -> bool {
    MODULES.iter().any(|kept| Path::new(kept).starts_with(name))
}

/// Returns a key of everything that shapes the image, apart from the root.
fn recipe() -> String {
    let mut sum = Sha256::new();
    for (name, content) in FILES {
        sum.update(name);
        sum.update(content);
    }
    sum.update(MASKED.join(" "));
    sum.update(MODULES.join(" "));
    sum.finalize()
        .iter()
        .take(6)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_for_hardware_that_no_guest_has_are_left_out() {
        let dir = tempfile::tempdir().unwrap();
        let kernel = dir.path();
        let files = [
            ("drivers/block/virtio_blk.ko.xz", true),
            ("drivers/gpu/drm/i915/i915.ko.xz", false),
            ("sound/soundcore.ko.xz", false),
            ("fs/mbcache.ko.xz", true),
            ("fs/ext4/ext4.ko.xz", true),
            ("fs/xfs/xfs.ko.xz", false),
            ("lib/crc/crc16.ko.xz", true),
        ];
        for (name, _) in files {
            let path = kernel.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        trim(kernel, Path::new("")).unwrap();
        for (name, stays) in files {
            assert_eq!(kernel.join(name).exists(), stays, "{name}");
        }
    }
}
