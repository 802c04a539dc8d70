// SPDX-License-Identifier: GPL-2.0-only

//! What a kernel is made for, and how QEMU is that machine.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result};

/// How a guest's instructions are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// As fast as is sure to boot.
    Fast,
    /// One after the other, and each takes a nanosecond of the guest's time.
    Counted,
    /// Each processor beside the others. Emulated, it now and then does not boot.
    Parallel,
}

/// What a kernel is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Machine {
    /// Debian's amd64.
    Amd64,
    /// Debian's arm64.
    Arm64,
}

impl Machine {
    /// Looks into a kernel.
    pub fn of(kernel: &Path) -> Result<Self> {
        let mut head = [0; 64];
        File::open(kernel)
            .and_then(|mut file| file.read_exact(&mut head))
            .with_context(|| format!("cannot read the kernel {}", kernel.display()))?;
        // Its boot protocol's magic number; what has none is taken for the other.
        Ok(match &head[56..60] {
            b"ARM\x64" => Self::Arm64,
            _ => Self::Amd64,
        })
    }

    /// The QEMU for it.
    pub fn program(self) -> &'static str {
        match self {
            Self::Amd64 => "qemu-system-x86_64",
            Self::Arm64 => "qemu-system-aarch64",
        }
    }

    /// The model of the machine.
    pub fn model(self) -> &'static str {
        match self {
            Self::Amd64 => "pc",
            Self::Arm64 => "virt",
        }
    }

    /// The kernel's name of its serial console.
    pub fn console(self) -> &'static str {
        match self {
            Self::Amd64 => "ttyS0",
            Self::Arm64 => "ttyAMA0",
        }
    }

    /// The model of its processors.
    pub fn cpu(self, pace: Pace) -> &'static str {
        match (self, pace) {
            (Self::Arm64, _) => "cortex-a57",
            // Where instructions are counted they are to be those of a real processor.
            (Self::Amd64, Pace::Counted) => "qemu64",
            // The vector instructions of a newer one cost more than they save: apt install took
            // 174 s with this, 215 s with `max`. And QEMU 7.2 now and then takes RAX for the flags
            // after cmpxchg16b, which a kernel's allocator uses if there is one: 7 of 8 boots of
            // 6.12's cloud kernel died of that, and none of 8 without.
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
