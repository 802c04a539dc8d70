// SPDX-License-Identifier: GPL-2.0-only

//! Names of address families. A constant that is missing would be a new variable here, and match
//! everything.

use crate::c::*;

pub(crate) fn name(family: u32) -> &'static str {
    match family {
        AF_INET => "inet",
        AF_APPLETALK => "appletalk",
        _ => "unknown",
    }
}
