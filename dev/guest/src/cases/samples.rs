// SPDX-License-Identifier: GPL-2.0-only

//! The kernel's own Rust samples and its null block device, as out-of-tree modules. The host puts
//! those into the guest that work with the kernel.

use std::fs;
use std::fs::File;
use std::path::Path;
use std::path::PathBuf;

use anyhow::Context as _;
use anyhow::ensure;
use nix::errno::Errno;
use nix::mount::MsFlags;

use super::Case;
use super::Context;
use crate::check::same;
use crate::check::skip;
use crate::kmsg::Cursor;
use crate::module;
use crate::sys;

/// A suite of its own, without the driver.
pub const CASES: &[Case] = &[
    // First, since it provides what others need.
    Case::any("samples-what-they-need", what_they_need),
    Case::any("samples-rust-minimal", |_| {
        let says = [
            "Rust minimal sample (init)",
            "My numbers are [72, 108, 200]",
        ];
        with("rust_minimal", &says, || Ok(()))
    }),
    Case::any("samples-rust-print", |_| {
        let says = [
            "Emergency message (level 0) with args",
            "Info message (level 6) without args",
            "A line that is continued with args",
        ];
        with("rust_print", &says, || Ok(()))
    }),
    Case::any("samples-rust-misc-device", |_| {
        with("rust_misc_device", &[], misc_device)
    }),
    Case::any("samples-rust-configfs", |_| {
        with("rust_configfs", &["Show message"], configfs)
    }),
    Case::any("samples-rust-debugfs-scoped", |_| {
        with("rust_debugfs_scoped", &[], debugfs)
    }),
    Case::any("samples-rust-debugfs", |_| {
        with("rust_debugfs", &[], || {
            has_driver("platform", "rust_debugfs")
        })
    }),
    Case::any("samples-rust-driver-platform", |_| {
        with("rust_driver_platform", &[], platform)
    }),
    Case::any("samples-rust-driver-faux", |_| {
        with("rust_driver_faux", &["Hello from faux device!"], || Ok(()))
    }),
    Case::any("samples-rust-driver-pci", |_| {
        let says = ["pci-testdev data-match count: 1", "read16 vendor ID: 1b36"];
        with("rust_driver_pci", &says, || Ok(()))
    }),
    Case::any("samples-rust-driver-auxiliary", |_| {
        let says = [
            "Probing auxiliary driver for auxiliary device with id=1",
            "Connect auxiliary 0 with parent",
        ];
        with("rust_driver_auxiliary", &says, || Ok(()))
    }),
    Case::any("samples-rust-dma", |_| {
        let says = ["Probe DMA test driver.", "Unload DMA test driver."];
        with("rust_dma", &says, || Ok(()))
    }),
    Case::any("samples-rust-driver-i2c", |_| {
        with("rust_driver_i2c", &["Probed with info: '0'."], i2c)
    }),
    Case::any("samples-rust-i2c-client", |_| {
        with("rust_i2c_client", &[], || {
            has_driver("platform", "rust_device_i2c")
        })
    }),
    Case::any("samples-null-block-device", |_| {
        with("rnull_mod", &["Rust null_blk loaded"], null_block)
    }),
];

/// The address of a simulated I2C device.
const ADDRESS: &str = "0x30";

/// Loads the modules whose names begin with a number, in order, and mounts configfs.
fn what_they_need(_: &Context) -> anyhow::Result<()> {
    let mut files: Vec<PathBuf> = fs::read_dir("/")?
        .map(|entry| Ok(entry?.path()))
        .collect::<std::io::Result<_>>()?;
    files.retain(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.ends_with(".ko") && name.starts_with(|first: char| first.is_ascii_digit())
    });
    files.sort();
    ensure!(!files.is_empty(), "there are none");
    for file in &files {
        let parameters = match file.to_string_lossy().contains("i2c_stub") {
            true => format!("chip_addr={ADDRESS}"),
            false => String::new(),
        };
        module::load_file_with(file, &parameters)
            .with_context(|| format!("loading {}", file.display()))?;
    }
    mount("configfs", "/sys/kernel/config")
}

/// Loads a sample, makes a check, unloads the sample, and looks for lines in the kernel log.
fn with(
    name: &str,
    says: &[&str],
    look: impl FnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let file = format!("/{name}.ko");
    if !Path::new(&file).exists() {
        return skip("it was not built for this kernel");
    }
    let mut log = Cursor::at_end()?;
    module::load_file(file.as_ref()).with_context(|| format!("loading {file}"))?;
    let looked = look();
    module::unload(name).with_context(|| format!("unloading {name}"))?;
    looked?;
    log.has_lines(says)
}

fn mount(kind: &str, at: &str) -> anyhow::Result<()> {
    match nix::mount::mount(Some(kind), at, Some(kind), MsFlags::empty(), None::<&str>) {
        Ok(()) | Err(Errno::EBUSY) => Ok(()),
        Err(error) => Err(error).with_context(|| format!("mounting a {kind} at {at}")),
    }
}

fn read(path: &str) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("reading {path}"))
}

fn write(path: &str, text: &str) -> anyhow::Result<()> {
    fs::write(path, text).with_context(|| format!("writing {text:?} to {path}"))
}

/// Checks that a bus has this driver.
fn has_driver(bus: &str, driver: &str) -> anyhow::Result<()> {
    let path = format!("/sys/bus/{bus}/drivers/{driver}");
    ensure!(Path::new(&path).is_dir(), "there is no {path}");
    Ok(())
}

/// Sets a value by ioctl(2), and checks that the same value can be read back.
fn misc_device() -> anyhow::Result<()> {
    const GET: libc::Ioctl = libc::_IOR::<i32>(b'|' as u32, 0x81);
    const SET: libc::Ioctl = libc::_IOW::<i32>(b'|' as u32, 0x82);
    let device = File::open("/dev/rust-misc-device").context("opening its device")?;
    let (mut got, mut set) = (-1, 1999);
    sys::ioctl_number(&device, GET, &mut got).context("asking for the value")?;
    same("the first value", got, 0)?;
    sys::ioctl_number(&device, SET, &mut set).context("setting the value")?;
    sys::ioctl_number(&device, GET, &mut got).context("asking again")?;
    same("the value", got, set)
}

fn configfs() -> anyhow::Result<()> {
    const GROUP: &str = "/sys/kernel/config/rust_configfs";
    same(
        "its message",
        &*read(&format!("{GROUP}/message"))?,
        "Hello World\n",
    )?;
    let bar = format!("{GROUP}/bar");
    write(&bar, "1999")?;
    same("what was stored", &*read(&bar)?, "1999")
}

fn debugfs() -> anyhow::Result<()> {
    const FOLDER: &str = "/sys/kernel/debug/rust_scoped_debugfs";
    mount("debugfs", "/sys/kernel/debug")?;
    let thing = format!("{FOLDER}/dynamic/thing");
    write(&format!("{FOLDER}/control/create"), "thing 42 7")?;
    same(
        "its first number",
        read(&format!("{thing}/0"))?.trim(),
        "42",
    )?;
    write(&format!("{FOLDER}/control/remove"), "thing")?;
    ensure!(!Path::new(&thing).exists(), "{thing} is still there");
    Ok(())
}

/// Binds an existing device to the driver.
fn platform() -> anyhow::Result<()> {
    const DEVICE: &str = "pcspkr";
    const DRIVER: &str = "rust_driver_platform";
    let device = format!("/sys/bus/platform/devices/{DEVICE}");
    write(&format!("{device}/driver_override"), DRIVER)?;
    write(&format!("/sys/bus/platform/drivers/{DRIVER}/bind"), DEVICE)?;
    let driver = fs::read_link(format!("{device}/driver")).context("asking for its driver")?;
    ensure!(driver.ends_with(DRIVER), "its driver is {driver:?}");
    write(&format!("{device}/driver_override"), "\n")
}

/// Creates a device on a simulated adapter for the driver.
fn i2c() -> anyhow::Result<()> {
    let adapters = fs::read_dir("/sys/bus/i2c/devices").context("looking for adapters")?;
    let mut adapters = adapters.filter_map(|entry| Some(entry.ok()?.path()));
    let stub = adapters
        .find(|path| fs::read_to_string(path.join("name")).is_ok_and(|name| name.contains("stub")))
        .context("there is no simulated adapter")?;
    let stub = stub.display();
    write(
        &format!("{stub}/new_device"),
        &format!("rust_driver_i2c {ADDRESS}"),
    )?;
    write(&format!("{stub}/delete_device"), ADDRESS)
}

/// Checks the null block device; since 6.18 it has to be created through configfs.
fn null_block() -> anyhow::Result<()> {
    const GROUP: &str = "/sys/kernel/config/rnull";
    const DISK: &str = "rnullb0";
    const SECTORS: &str = "8388608"; // 4096 MiB of 512 bytes
    let group = format!("{GROUP}/{DISK}");
    let configured = Path::new(GROUP).is_dir();
    if configured {
        fs::create_dir(&group).context("asking for a disk")?;
        write(&format!("{group}/power"), "1")?;
    }
    let looked = (|| {
        let size = read(&format!("/sys/block/{DISK}/size"))?;
        same("its size in sectors", size.trim(), SECTORS)?;
        fs::write(format!("/dev/{DISK}"), [1; 4096]).context("writing a block")
    })();
    if configured {
        write(&format!("{group}/power"), "0")?;
        fs::remove_dir(&group).context("removing the disk")?;
    }
    looked
}
