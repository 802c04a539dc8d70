// SPDX-License-Identifier: GPL-2.0-only

//! The machine that a kernel is built for, and QEMU's options for it.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result};

/// How a guest's instructions are executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// As fast as possible while the guest boots reliably.
    Fast,
    /// Sequentially, and each instruction takes a nanosecond of guest time.
    Counted,
    /// All processors in parallel. Emulated guests then sometimes do not boot.
    Parallel,
}

/// The machine that a kernel is built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Machine {
    /// Debian's amd64.
    Amd64,
    /// Debian's arm64.
    Arm64,
}

impl Machine {
    /// Detects the machine from a kernel image.
    pub fn of(kernel: &Path) -> Result<Self> {
        let mut head = [0; 64];
        File::open(kernel)
            .and_then(|mut file| file.read_exact(&mut head))
            .with_context(|| format!("cannot read the kernel {}", kernel.display()))?;
        // The magic number of arm64's boot protocol. Anything else is taken for amd64.
        Ok(match &head[56..60] {
            b"ARM\x64" => Self::Arm64,
            _ => Self::Amd64,
        })
    }

    /// Returns the QEMU program.
    pub fn program(self) -> &'static str {
        match self {
            Self::Amd64 => "qemu-system-x86_64",
            Self::Arm64 => "qemu-system-aarch64",
        }
    }

    /// Returns QEMU's machine model.
    pub fn model(self) -> &'static str {
        match self {
            Self::Amd64 => "pc",
            Self::Arm64 => "virt",
        }
    }

    /// Returns the kernel's name of the serial console.
    pub fn console(self) -> &'static str {
        match self {
            Self::Amd64 => "ttyS0",
            Self::Arm64 => "ttyAMA0",
        }
    }

    /// Returns QEMU's processor model.
    pub fn cpu(self, pace: Pace) -> &'static str {
        match (self, pace) {
            (Self::Arm64, _) => "cortex-a57",
            // When instructions are counted, they must be those of a real processor.
            (Self::Amd64, Pace::Counted) => "qemu64",
            // The vector instructions of newer processors cost more than they save: apt install
            // took 174 s with this model, and 215 s with `max`. Also, QEMU 7.2 sometimes mistakes
            // RAX for the flags after cmpxchg16b, which the kernel's allocator uses if available: 7
            // of 8 boots of 6.12's cloud kernel crashed with it, and none of 8 without.
            (Self::Amd64, _) => "qemu64,-cx16",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_kernel_s_machine_is_told_by_its_head() {
        let dir = tempfile::tempdir().unwrap();
        let kernel = dir.path().join("vmlinuz");
        let mut head = vec![0; 64];
        fs::write(&kernel, &head).unwrap();
        assert_eq!(Machine::of(&kernel).unwrap(), Machine::Amd64);
        head[56..60].copy_from_slice(b"ARMd");
        fs::write(&kernel, &head).unwrap();
        assert_eq!(Machine::of(&kernel).unwrap(), Machine::Arm64);
        fs::write(&kernel, "short").unwrap();
        assert!(Machine::of(&kernel).is_err());
    }
}
