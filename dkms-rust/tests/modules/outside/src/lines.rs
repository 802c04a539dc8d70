// SPDX-License-Identifier: GPL-2.0-only

//! The line that the module logs.

pub(crate) const LINE: &str = "code from above the build's directory";
