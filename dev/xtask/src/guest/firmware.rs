// SPDX-License-Identifier: GPL-2.0-only

//! UEFI for a guest. It replaces QEMU's own way of booting a kernel.

use std::path::{Path, PathBuf};

use crate::host::run::Cmd;

/// A machine with system management mode: only that mode may change Secure Boot's variables,
/// otherwise Secure Boot would be pointless.
pub const MODEL: &str = "q35,smm=on";

/// UEFI firmware and its variables.
pub struct Firmware {
    /// The firmware's code.
    pub code: PathBuf,
    /// Its variables, which are written to.
    pub variables: PathBuf,
}

impl Firmware {
    /// Adds the firmware to a machine of the model [`MODEL`].
    pub fn add_to(&self, cmd: Cmd) -> Cmd {
        cmd.args(["-global", "driver=cfi.pflash01,property=secure,value=on"])
            .arg("-drive")
            .arg(format!("{},readonly=on", flash(0, &self.code)))
            .arg("-drive")
            .arg(flash(1, &self.variables))
    }
}

fn flash(unit: u32, file: &Path) -> String {
    // QEMU takes a comma for the start of the next option, unless it is doubled.
    let path = file.to_string_lossy().replace(',', ",,");
    format!("if=pflash,format=raw,unit={unit},file={path}")
}
