// SPDX-License-Identifier: GPL-2.0-only

//! The result for one kernel in one word, as programs read it.

use serde::{Deserialize, Serialize};

/// The result for one kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// There is a module.
    Built,
    /// No module can be built for this kernel.
    Refused,
    /// The build failed.
    Failed,
}
