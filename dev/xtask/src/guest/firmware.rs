// SPDX-License-Identifier: GPL-2.0-only

//! UEFI for a guest, in place of QEMU's own way of booting a kernel.

use std::path::{Path, PathBuf};

use crate::host::run::Cmd;

/// A machine whose firmware has system management mode: only in it may Secure Boot's variables be
/// changed, or it would be for nothing.
pub const MODEL: &str = "q35,smm=on";

/// UEFI, and what it remembers.
pub struct Firmware {
    /// Its program.
    pub code: PathBuf,
    /// Its variables; they are written to.
    pub variables: PathBuf,
}

impl Firmware {
    /// Adds it to a machine of that model.
    pub fn add_to(&self, cmd: Cmd) -> Cmd {
        cmd.args(["-global", "driver=cfi.pflash01,property=secure,value=on"])
            .arg("-drive")
            .arg(format!("{},readonly=on", flash(0, &self.code)))
            .arg("-drive")
            .arg(flash(1, &self.variables))
    }
}

fn flash(unit: u32, file: &Path) -> String {
    // A comma in a path would begin the next option.
    let path = file.to_string_lossy().replace(',', ",,");
    format!("if=pflash,format=raw,unit={unit},file={path}")
}
