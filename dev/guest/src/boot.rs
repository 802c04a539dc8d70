// SPDX-License-Identifier: GPL-2.0-only

//! System setup at boot, and the restart at the end.

use std::fs;
use std::os::fd::AsRawFd as _;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::Duration;

use anyhow::Context as _;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::mount::MsFlags;
use nix::sys::reboot::RebootMode;
use nix::sys::resource::Resource;
use nix::sys::resource::setrlimit;
use nix::sys::stat::Mode;

use crate::module;
use crate::sys;

/// A file system that the suites need.
struct Mount {
    kind: &'static str,
    at: &'static str,
    options: Option<&'static str>,
}

impl Mount {
    fn make(&self) -> anyhow::Result<()> {
        let (kind, at) = (Some(self.kind), self.at);
        match nix::mount::mount(kind, at, kind, MsFlags::empty(), self.options) {
            // The kernel may have mounted devtmpfs itself.
            Ok(()) | Err(Errno::EBUSY) => Ok(()),
            Err(error) => Err(error).with_context(|| format!("mounting a {} at {at}", self.kind)),
        }
    }
}

const MOUNTS: &[Mount] = &[
    Mount {
        kind: "proc",
        at: "/proc",
        options: None,
    },
    Mount {
        kind: "sysfs",
        at: "/sys",
        options: None,
    },
    Mount {
        kind: "devtmpfs",
        at: "/dev",
        options: Some("mode=0755"),
    },
    Mount {
        kind: "tmpfs",
        at: "/tmp",
        options: Some("mode=1777,size=64m"),
    },
];

/// Mounted if the kernel has it. The suites for debug kernels and some samples use it.
const DEBUGFS: Mount = Mount {
    kind: "debugfs",
    at: "/sys/kernel/debug",
    options: None,
};

/// Kernel settings: a file and the value to write to it.
const SETTINGS: &[(&str, &str)] = &[
    // We report through the kernel log, and by default the kernel limits how much a program may
    // write to it.
    ("/proc/sys/kernel/printk_devkmsg", "on"),
    // Show warnings and worse on the console, our own lines included, but no boot messages.
    ("/proc/sys/kernel/printk", "5"),
];

/// The limit of open files per process; one case opens ten thousand.
const OPEN_FILES: u64 = 16384;

/// Sets up the system, so that cases can run.
pub fn prepare() -> anyhow::Result<()> {
    for mount in MOUNTS {
        fs::create_dir_all(mount.at).with_context(|| format!("making {}", mount.at))?;
        mount.make()?;
    }
    if Path::new(DEBUGFS.at).exists() {
        DEBUGFS.make()?;
    }
    standard_descriptors()?;
    for (path, value) in SETTINGS {
        // With a newline, as a shell writes it: printk_devkmsg rejects a value without one.
        fs::write(path, format!("{value}\n"))
            .with_context(|| format!("writing {value:?} to {path}"))?;
    }
    setrlimit(Resource::RLIMIT_NOFILE, OPEN_FILES, OPEN_FILES)
        .with_context(|| format!("allowing {OPEN_FILES} open files"))
}

/// Connects standard input to /dev/null, and standard output and error to the kernel log.
fn standard_descriptors() -> anyhow::Result<()> {
    let places = [
        ("/dev/null", OFlag::O_RDONLY, 0),
        ("/dev/kmsg", OFlag::O_WRONLY, 1),
        ("/dev/kmsg", OFlag::O_WRONLY, 2),
    ];
    for (path, flags, number) in places {
        let opened: OwnedFd = nix::fcntl::open(path, flags | OFlag::O_CLOEXEC, Mode::empty())
            .with_context(|| format!("opening {path}"))?;
        sys::replace_standard_descriptor(&opened, number)
            .with_context(|| format!("making {path} descriptor {number}"))?;
        // If the number was free, `open` returned it, and dropping `opened` would close it again.
        if opened.as_raw_fd() == number {
            std::mem::forget(opened);
        }
    }
    Ok(())
}

/// Inserts the modules in a directory, in the order of their names. A missing directory counts as
/// empty.
pub fn load_helpers(folder: &Path) -> anyhow::Result<()> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Ok(());
    };
    let mut modules: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "ko"))
        .collect();
    modules.sort();
    for path in modules {
        module::load_file(&path).with_context(|| format!("inserting {}", path.display()))?;
    }
    Ok(())
}

/// Ends the guest with a restart, on which QEMU exits: to power off, a kernel needs more ACPI
/// support than ours has. Returns only if the kernel refuses.
pub fn end() -> Errno {
    nix::unistd::sync();
    // Let the console catch up.
    sleep(Duration::from_millis(300));
    match nix::sys::reboot::reboot(RebootMode::RB_AUTOBOOT) {
        Err(error) => error,
        Ok(never) => match never {},
    }
}
