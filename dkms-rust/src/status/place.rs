// SPDX-License-Identifier: GPL-2.0-only

//! The kernel and the system for which a module is looked at.

use super::signing::Signer;
use crate::kernel::fingerprint;
use crate::kernel::headers::Kernel;
use crate::kernel::release::Release;
use crate::system::System;
use std::collections::HashMap;
use std::fs;

/// What it is looked at for.
pub struct Place<'a> {
    /// The system.
    pub system: &'a System,
    /// The kernel.
    pub release: &'a Release,
    /// Whether it runs now.
    pub running: bool,
    /// Why modules can't be built for it, and what mends that.
    pub refusal: Option<(&'a str, Option<&'a str>)>,
    /// Its headers, if they are installed.
    pub headers: Option<Headers>,
    /// What is known of keys.
    pub signer: &'a Signer,
}

/// What modules of a kernel are built against.
pub struct Headers {
    /// Their fingerprint.
    pub fingerprint: String,
    /// What the kernel exports, and the CRCs.
    pub exported: HashMap<String, u64>,
}

impl Headers {
    /// Reads those of a kernel; none if they are not complete.
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
