// SPDX-License-Identifier: GPL-2.0-only

//! The result of a build for a kernel in one word, as programs read it.

use serde::{Deserialize, Serialize};

/// The result of a build for a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BuildResult {
    /// It succeeded.
    Built,
    /// No module can be built for this kernel.
    Refused,
    /// It failed.
    Failed,
}
