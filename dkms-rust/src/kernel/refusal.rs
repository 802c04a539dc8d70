// SPDX-License-Identifier: GPL-2.0-only

//! The answer "not for this kernel", with its reason and its mend.

use crate::kernel::release::Release;
use std::fmt;

/// Why no module can be built for a kernel, and the command that mends it. This is an answer, not a
/// failure: DKMS skips the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The kernel that is refused.
    pub release: Release,
    /// The reason, as a sentence without its full stop.
    pub reason: String,
    /// A command to type, or a piece of advice, if there is one.
    pub mend: Option<String>,
}

impl Refusal {
    /// The exit status that makes DKMS skip the kernel.
    pub const EXIT: u8 = 77;

    /// Builds a refusal that the user can fix by running `mend`.
    pub fn new(release: &Release, reason: impl Into<String>, mend: impl Into<String>) -> Self {
        Self {
            release: release.clone(),
            reason: reason.into(),
            mend: Some(mend.into()),
        }
    }

    /// Builds a refusal that nothing can fix.
    pub fn final_(release: &Release, reason: impl Into<String>) -> Self {
        Self {
            release: release.clone(),
            reason: reason.into(),
            mend: None,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.release, self.reason)?;
        match &self.mend {
            Some(mend) => write!(f, "\n  mend: {mend}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Refusal {}
