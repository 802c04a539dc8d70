// SPDX-License-Identifier: GPL-2.0-only

//! The modules that are compared.

use std::ffi::CString;
use std::fs;
use std::os::fd::OwnedFd;
use std::path::Path;

use anyhow::Context as _;
use nix::fcntl::OFlag;
use nix::kmod::ModuleInitFlags;
use nix::sys::stat::Mode;

use crate::check::same;
use crate::drive;
use crate::drive::GREETING;
use crate::module;

/// A module that is measured.
pub struct Subject {
    /// The name in the results.
    pub name: &'static str,
    /// The name of the module, which is also that of its file in `/`.
    pub module: &'static str,
    /// The path of its file in `/proc`.
    pub entry: &'static str,
    /// How its message is set.
    pub message: Message,
}

/// How the message of a module is set.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Message {
    /// It never has a message.
    None,
    /// By a parameter of the module.
    Parameter,
    /// By a write to its file.
    Written,
}

/// All modules, the driver first.
pub const SUBJECTS: &[Subject] = &[
    Subject {
        name: "driver",
        module: module::NAME,
        entry: drive::FILE,
        message: Message::Written,
    },
    Subject {
        name: "floor",
        module: "peer_floor",
        entry: "/proc/1999_zero/mydrive",
        message: Message::None,
    },
    Subject {
        name: "plain",
        module: "peer_plain",
        entry: "/proc/1999_read/mydrive",
        message: Message::Parameter,
    },
    Subject {
        name: "seqfile",
        module: "peer_seqfile",
        entry: "/proc/1999_seqf/mydrive",
        message: Message::Parameter,
    },
    Subject {
        name: "full",
        module: "peer_full",
        entry: "/proc/1999_full/mydrive",
        message: Message::Written,
    },
    Subject {
        name: "seqfull",
        module: "peer_seqfull",
        entry: "/proc/1999_snap/mydrive",
        message: Message::Written,
    },
];

/// Returns a message of this length.
pub fn message(length: usize) -> Vec<u8> {
    GREETING.iter().copied().cycle().take(length).collect()
}

impl Subject {
    /// Returns whether it ever has a message.
    pub fn speaks(&self) -> bool {
        self.message != Message::None
    }

    /// Returns whether it can be written to.
    pub fn is_written(&self) -> bool {
        self.message == Message::Written
    }

    /// Returns the path of its file, for system calls.
    pub fn path(&self) -> anyhow::Result<CString> {
        CString::new(self.entry).context("a path with a NUL")
    }

    /// Returns how much of a message of this length it returns.
    pub fn says(&self, length: usize) -> usize {
        if self.speaks() { length } else { 0 }
    }

    /// Opens its file in `/proc`.
    pub fn open(&self, flags: OFlag) -> anyhow::Result<OwnedFd> {
        drive::open_with(self.entry, flags).with_context(|| format!("opening {}", self.entry))
    }

    /// Reads the module's file.
    pub fn image(&self) -> anyhow::Result<Vec<u8>> {
        let path = format!("/{}.ko", self.module);
        fs::read(&path).with_context(|| format!("reading {path}"))
    }

    /// Loads it anew with a message of this length, and checks that it returns that message.
    pub fn bring(&self, length: usize) -> anyhow::Result<()> {
        self.take_away()?;
        let parameter = match self.message {
            Message::Parameter => CString::new(format!("length={length}"))?,
            _ => CString::default(),
        };
        let path = format!("/{}.ko", self.module);
        let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC;
        let file = nix::fcntl::open(Path::new(&path), flags, Mode::empty())
            .with_context(|| format!("opening {path}"))?;
        nix::kmod::finit_module(&file, &parameter, ModuleInitFlags::empty())
            .with_context(|| format!("loading {path}"))?;
        let message = message(self.says(length));
        if self.is_written() {
            let got = nix::unistd::write(self.open(OFlag::O_WRONLY)?, &message);
            same("writing the message", got, Ok(length))?;
        }
        let got = drive::read_to_end(self.open(OFlag::O_RDONLY)?, length + 1)?;
        same(self.entry, got, message)
    }

    /// Unloads it if it is loaded.
    pub fn take_away(&self) -> anyhow::Result<()> {
        if module::state(self.module)?.is_some() {
            module::unload(self.module).with_context(|| format!("unloading {}", self.module))?;
        }
        Ok(())
    }
}

/// Loads all modules anew with a message of this length.
pub fn bring_all(length: usize) -> anyhow::Result<()> {
    SUBJECTS
        .iter()
        .try_for_each(|subject| subject.bring(length))
}
