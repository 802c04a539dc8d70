// SPDX-License-Identifier: GPL-2.0-only

//! Loading and unloading modules, and the state that the kernel reports for them.

use std::ffi::CString;
use std::fs;
use std::path::Path;

use anyhow::Context as _;
use anyhow::bail;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::kmod::DeleteModuleFlags;
use nix::kmod::ModuleInitFlags;
use nix::sys::stat::Mode;

use crate::drive;
use crate::drive::GREETING;

/// The name of the driver's module.
pub const NAME: &str = "procDriver";

/// Loads a module from its file, as insmod does.
pub fn load_file(path: &Path) -> nix::Result<()> {
    load_file_with(path, "")
}

/// Loads a module from its file, with parameters.
pub fn load_file_with(path: &Path, parameters: &str) -> nix::Result<()> {
    let parameters = CString::new(parameters).map_err(|_| Errno::EINVAL)?;
    let file = nix::fcntl::open(path, OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?;
    nix::kmod::finit_module(&file, &parameters, ModuleInitFlags::empty())
}

/// Loads a module from memory.
pub fn load_image(image: &[u8]) -> nix::Result<()> {
    nix::kmod::init_module(image, c"")
}

/// Unloads a module as rmmod does: at once or not at all.
pub fn unload(name: &str) -> nix::Result<()> {
    let name = CString::new(name).map_err(|_| Errno::EINVAL)?;
    nix::kmod::delete_module(&name, DeleteModuleFlags::O_NONBLOCK)
}

/// Returns the state of a module in `/proc/modules`: "Live", "Loading" or "Unloading"; None if it
/// is not there.
pub fn state(name: &str) -> anyhow::Result<Option<String>> {
    let table = fs::read_to_string("/proc/modules").context("reading /proc/modules")?;
    Ok(state_in(&table, name))
}

/// Finds the state in the table, whose lines are `name size references users state address`.
fn state_in(table: &str, name: &str) -> Option<String> {
    table
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .find(|fields| fields.first() == Some(&name))
        .and_then(|fields| fields.get(4).map(|state| (*state).to_owned()))
}

/// Whether a case needs the driver to be loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// Loaded, with the greeting as its message.
    Loaded,
    /// Not loaded.
    Absent,
    /// Loaded or not.
    Either,
}

/// Loads or unloads the driver as `presence` asks, whatever its state was before.
pub fn bring(presence: Presence, driver: &Path) -> anyhow::Result<()> {
    match (presence, state(NAME)?.as_deref()) {
        (Presence::Absent, None) | (Presence::Either, _) => Ok(()),
        (Presence::Loaded, Some("Live")) if drive::message().is_ok_and(|m| m == GREETING) => Ok(()),
        (Presence::Loaded, Some("Live")) => {
            unload(NAME).with_context(|| format!("unloading {NAME} to forget what was written"))?;
            load(driver)
        }
        (Presence::Loaded, None) => load(driver),
        (Presence::Absent, Some("Live")) => {
            unload(NAME).with_context(|| format!("unloading {NAME}"))
        }
        (_, Some(state)) => bail!("{NAME} is in state {state}: an earlier case left it so"),
    }
}

fn load(driver: &Path) -> anyhow::Result<()> {
    load_file(driver).with_context(|| format!("loading {}", driver.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "procDrivez 12288 0 - Live 0x0000000000000000 (OE)\n\
                         other 4096 1 procDriver, Live 0x0000000000000000\n\
                         procDriver 12288 0 - Unloading 0x0000000000000000 (OE-)\n";

    #[test]
    fn the_state_is_that_of_the_module_with_exactly_this_name() {
        assert_eq!(state_in(TABLE, "procDriver").as_deref(), Some("Unloading"));
        assert_eq!(state_in(TABLE, "procDrivez").as_deref(), Some("Live"));
    }

    #[test]
    fn a_module_that_is_not_there_has_no_state() {
        assert_eq!(state_in(TABLE, "proc"), None);
        assert_eq!(state_in("", NAME), None);
    }
}
