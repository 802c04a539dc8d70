// SPDX-License-Identifier: GPL-2.0-only

//! The kernel and the system for which a module is looked at.

use super::signing::Signer;
use crate::kernel::release::Release;
use crate::system::System;

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
    /// What is known of keys.
    pub signer: &'a Signer,
}
