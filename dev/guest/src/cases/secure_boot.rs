// SPDX-License-Identifier: GPL-2.0-only

//! The driver on a machine with Secure Boot. In one suite the machine's owner has enrolled the key
//! with which dkms signed the driver, in the other not. These are two suites, because the guest
//! can't tell from the kernel alone which one applies.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use anyhow::ensure;
use nix::errno::Errno;
use nix::mount::MsFlags;

use super::Case;
use super::Context;
use crate::check::same;
use crate::drive;
use crate::module;
use crate::module::NAME;

/// With the key enrolled.
pub const ENROLLED: &[Case] = &[
    Case::absent("secure-boot-locks-the-kernel-down", locked_down),
    Case::absent("enrolled-key-loads-the-driver", loads),
    Case::absent("enrolled-key-is-not-enough-for-a-changed-driver", changed),
    Case::absent("enrolled-key-is-not-enough-without-a-signature", unsigned),
    Case::absent("enrolled-key-of-a-fleet-loads-its-prebuilt-driver", |_| {
        loads_and_goes(Path::new(PREBUILT))
    }),
    Case::absent("foreign-key-keeps-a-prebuilt-driver-out", |_| {
        refused_file(Path::new(FOREIGN))
    }),
];

/// Without the key.
pub const ABSENT: &[Case] = &[
    Case::absent("secure-boot-locks-the-kernel-down-as-well", locked_down),
    Case::absent("absent-key-keeps-the-driver-out", refused),
    Case::absent(
        "absent-key-of-a-fleet-keeps-its-prebuilt-driver-out",
        |_| refused_file(Path::new(PREBUILT)),
    ),
];

/// The prebuilt driver, signed with the key of a fleet, which is enrolled with the other.
const PREBUILT: &str = "/prebuilt.ko";

/// The same, signed with another key.
const FOREIGN: &str = "/foreign.ko";

/// The mark at the end of a signed module.
const MARK: &[u8] = b"~Module signature appended~\n";

/// The directory that contains the lockdown state.
const SECURITY: &str = "/sys/kernel/security";

/// The taint flag for a module without a valid signature.
const UNSIGNED: u64 = 1 << 13;

fn locked_down(_: &Context) -> anyhow::Result<()> {
    let kind = Some("securityfs");
    nix::mount::mount(kind, SECURITY, kind, MsFlags::empty(), None::<&str>)
        .or_else(|error| {
            if error == Errno::EBUSY {
                Ok(())
            } else {
                Err(error)
            }
        })
        .with_context(|| format!("mounting {SECURITY}"))?;
    let path = format!("{SECURITY}/lockdown");
    let levels = fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
    ensure!(
        levels.contains("[integrity]"),
        "{path} says {:?}",
        levels.trim()
    );
    Ok(())
}

fn loads(context: &Context) -> anyhow::Result<()> {
    loads_and_goes(&context.driver)
}

fn loads_and_goes(driver: &Path) -> anyhow::Result<()> {
    module::load_file(driver).context("loading")?;
    drive::expect_present()?;
    let taint = crate::sys::taint()?;
    ensure!(taint & UNSIGNED == 0, "the kernel is tainted: {taint}");
    module::unload(NAME).context("unloading")?;
    drive::expect_absent()
}

fn refused(context: &Context) -> anyhow::Result<()> {
    refused_file(&context.driver)
}

fn refused_file(driver: &Path) -> anyhow::Result<()> {
    let image = fs::read(driver).context("reading the driver")?;
    ensure!(image.ends_with(MARK), "the driver is not signed");
    kept_out("the driver", module::load_file(driver))
}

fn changed(context: &Context) -> anyhow::Result<()> {
    let mut image = fs::read(&context.driver).context("reading the driver")?;
    let place = image
        .windows(NAME.len())
        .position(|window| window == NAME.as_bytes())
        .context("the driver does not have its name in it")?;
    image[place] ^= 1;
    kept_out("a changed driver", module::load_image(&image))
}

fn unsigned(context: &Context) -> anyhow::Result<()> {
    let image = fs::read(&context.driver).context("reading the driver")?;
    let image = image
        .strip_suffix(MARK)
        .context("the driver is not signed")?;
    kept_out("the driver without its mark", module::load_image(image))
}

fn kept_out(what: &str, loaded: nix::Result<()>) -> anyhow::Result<()> {
    let refused = matches!(
        loaded,
        Err(Errno::EKEYREJECTED | Errno::ENOKEY | Errno::EPERM)
    );
    ensure!(refused, "loading {what}: {loaded:?}");
    same("its state", module::state(NAME)?, None)?;
    drive::expect_absent()
}
