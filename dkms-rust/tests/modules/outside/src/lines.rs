// SPDX-License-Identifier: GPL-2.0-only

//! What the module says.

pub(crate) const LINE: &str = "code from above the build's directory";
