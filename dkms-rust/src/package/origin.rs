// SPDX-License-Identifier: GPL-2.0-only

//! Where a package's modules come from.

use super::source::DkmsSource;
use crate::status::prebuilt::Prebuilt;
use crate::status::signing::Signer;
use crate::system::System;

/// Where a module comes from.
#[derive(Clone, Copy)]
pub enum Origin<'a> {
    /// dkms built it from this source.
    Dkms(&'a DkmsSource),
    /// It was built elsewhere.
    Prebuilt(&'a Prebuilt),
}

impl Origin<'_> {
    /// Says what was done with a new module before it is loaded.
    pub fn done(&self) -> &'static str {
        match self {
            Self::Dkms(_) => "built",
            Self::Prebuilt(_) => "installed",
        }
    }

    /// Returns what is known about the key with which it is signed.
    pub fn signer(&self, system: &System) -> Signer {
        match self {
            Self::Dkms(_) => Signer::find(system),
            Self::Prebuilt(prebuilt) => prebuilt.signer(system),
        }
    }
}
