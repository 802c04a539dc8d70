// SPDX-License-Identifier: GPL-2.0-only

//! The kernel and the system for which a module is examined.

use super::signing::Signer;
use crate::kernel::fingerprint;
use crate::kernel::headers::Kernel;
use crate::kernel::release::Release;
use crate::system::System;
use std::collections::HashMap;
use std::fs;

/// The kernel and the system for which a module is examined.
pub struct Place<'a> {
    /// The system.
    pub system: &'a System,
    /// The kernel.
    pub release: &'a Release,
    /// Whether the kernel is running.
    pub running: bool,
    /// If modules can't be built for the kernel: the reason, and the mend.
    pub refusal: Option<(&'a str, Option<&'a str>)>,
    /// Its headers, if they are installed.
    pub headers: Option<Headers>,
    /// What is known about signatures and keys.
    pub signer: &'a Signer,
}

/// The headers that a kernel's modules are built against.
pub struct Headers {
    /// Their fingerprint.
    pub fingerprint: String,
    /// The symbols that the kernel exports, with their CRCs.
    pub exported: HashMap<String, u64>,
}

impl Headers {
    /// Reads the headers of a kernel. Returns `None` if they are incomplete.
    pub fn find(system: &System, release: &Release) -> Option<Self> {
        let kernel = Kernel::find(system, release).ok()?;
        let symvers = fs::read_to_string(kernel.symvers()).unwrap_or_default();
        let symbol = |line: &str| {
            let mut columns = line.split('\t');
            let crc = columns.next()?.strip_prefix("0x")?;
            let crc = u64::from_str_radix(crc, 16).ok()?;
            Some((columns.next()?.to_owned(), crc))
        };
        Some(Self {
            fingerprint: fingerprint::of(system, &kernel).ok()?,
            exported: symvers.lines().filter_map(symbol).collect(),
        })
    }
}
