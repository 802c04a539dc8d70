// SPDX-License-Identifier: GPL-2.0-only

//! The answer "not for this kernel": why, and what mends it.

use crate::kernel::release::Release;
use std::fmt;

/// Why no module can be built for a kernel, and the command that mends it. It is an answer and
/// not a failure: DKMS skips the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The kernel that it is about.
    pub release: Release,
    /// What is in the way, as a sentence without its full stop.
    pub reason: String,
    /// A command to type, or an advice, if there is one.
    pub mend: Option<String>,
}

impl Refusal {
    /// The exit status that DKMS takes for "skip this kernel".
    pub const EXIT: u8 = 77;

    /// A refusal that `mend` turns around.
    pub fn new(release: &Release, reason: impl Into<String>, mend: impl Into<String>) -> Self {
        Self {
            release: release.clone(),
            reason: reason.into(),
            mend: Some(mend.into()),
        }
    }

    /// A refusal that nothing turns around.
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
