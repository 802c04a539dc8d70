// SPDX-License-Identifier: GPL-2.0-only

//! Boots the result of a case, and checks it. systemd only gets as far as
//! systemd-modules-load.service, which loads the modules named in modules-load.d. The rest of the
//! system does not start: emulated, that would take another minute. No command is typed.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::debian::chroot::Chroot;
use crate::guest::machine::Pace;
use crate::guest::qemu::Vm;
use crate::guest::{full_guest, image, problems};
use crate::host::files;
use crate::host::mounts::{self, Mount, Overlay};
use crate::host::project::Project;

/// The unit to boot into, instead of a target.
const UNIT: (&str, &str) = (
    "etc/systemd/system/procdriver-look.service",
    include_str!("look.service"),
);

/// The script that the guest runs, at the path that the unit expects.
pub const SCRIPT: (&str, &str) = (
    "srv/guest/run",
    concat!(
        include_str!("../guest/scripts/begin.sh"),
        include_str!("look.sh")
    ),
);

/// Directories that no boot needs. Compilers and similar tools make up most of the root.
const HIDDEN: &[&str] = &[
    "boot",
    "srv/offers",
    "usr/include",
    "usr/lib/gcc",
    "usr/lib/llvm-19",
    "usr/lib/rustlib",
    "usr/libexec/gcc",
    "usr/share/doc",
    "usr/share/man",
    "usr/src",
    "var/cache",
    "var/lib/apt/lists",
];

/// Directories in which files larger than `LARGE` are parts of compilers.
const PROGRAMS: &[&str] = &["usr/bin", "usr/lib/x86_64-linux-gnu"];
const LARGE: u64 = 16 << 20;

/// A guest that is ready to boot.
pub struct Look {
    /// The release of its kernel.
    pub release: String,
    folder: Arc<TempDir>,
}

/// Packs a root, so that it can boot with these kernels.
pub fn pack(project: &Project, chroot: &Chroot, releases: &[&str]) -> Result<Vec<Look>> {
    let folder = Arc::new(mounts::scratch_folder(project)?);
    // Use an overlay, so that the root itself stays unchanged.
    let overlay = Overlay::over(project, &[chroot.path().to_path_buf()])?;
    let root = overlay.path();
    image::prepare(root)?;
    for (name, text) in [UNIT, SCRIPT] {
        let path = root.join(name);
        files::write(&path, text)?;
    }
    let mut looks = Vec::new();
    for release in releases {
        let vmlinuz = root.join(format!("boot/vmlinuz-{release}"));
        fs::copy(&vmlinuz, kernel(folder.path(), release))
            .with_context(|| format!("cannot copy {}", vmlinuz.display()))?;
        let initramfs = full_guest::boot_initramfs(root, release)?;
        fs::write(initramfs_of(folder.path(), release), initramfs)
            .context("cannot write the initramfs")?;
        looks.push(Look {
            release: (*release).to_owned(),
            folder: Arc::clone(&folder),
        });
    }
    let hidden = hide(root, folder.path())?;
    let packed = image::from_folder(project, root, &folder.path().join("image"), 128);
    drop(hidden);
    packed.map(|()| looks)
}

/// Mounts an empty directory or file over everything that no boot needs.
fn hide(root: &Path, work: &Path) -> Result<Vec<Mount>> {
    let [folder, file] = ["empty-folder", "empty-file"].map(|name| work.join(name));
    fs::create_dir(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    fs::write(&file, "").with_context(|| format!("cannot make {}", file.display()))?;
    let mut hidden = Vec::new();
    let folders = HIDDEN.iter().map(|name| root.join(name));
    // The modules for the disks are in the initramfs, and the driver is in `updates`.
    let kernels = entries(&root.join("usr/lib/modules"))?;
    for place in folders.chain(kernels.iter().map(|dir| dir.join("kernel"))) {
        if place.is_dir() {
            hidden.push(Mount::bind(&folder, &place)?);
        }
    }
    for name in PROGRAMS {
        for place in entries(&root.join(name))? {
            let meta = fs::symlink_metadata(&place)
                .with_context(|| format!("cannot look at {}", place.display()))?;
            if meta.is_file() && meta.len() > LARGE {
                hidden.push(Mount::bind(&file, &place)?);
            }
        }
    }
    Ok(hidden)
}

fn entries(dir: &Path) -> Result<Vec<PathBuf>> {
    fs::read_dir(dir)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect())
        .with_context(|| format!("cannot list {}", dir.display()))
}

/// Boots a guest, and returns how many seconds it took. Everything that went wrong is in the error.
pub fn boot(project: &Project, look: &Look, case: &str) -> Result<f64> {
    let dir = look.folder.path();
    let vm = Vm {
        kernel: kernel(dir, &look.release),
        initramfs: initramfs_of(dir, &look.release),
        cmdline: "systemd.show_status=false systemd.unit=procdriver-look.service".into(),
        firmware: None,
        disks: vec![dir.join("image")],
        devices: &[],
        memory: 1024,
        processors: 1,
        pace: Pace::Fast,
        timeout: Duration::from_secs(300),
        log: project.log(&format!("life-{case}-{}", look.release))?,
    };
    let outcome = vm.run(&mut |_| {})?;
    let problems = problems::of(&outcome);
    if !problems.is_empty() {
        bail!("booted {}: {}", look.release, problems.join("; "));
    }
    Ok(outcome.seconds)
}

fn kernel(dir: &Path, release: &str) -> PathBuf {
    dir.join(format!("vmlinuz-{release}"))
}

fn initramfs_of(dir: &Path, release: &str) -> PathBuf {
    dir.join(format!("initramfs-{release}"))
}
