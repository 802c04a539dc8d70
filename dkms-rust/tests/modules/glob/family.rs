// SPDX-License-Identifier: GPL-2.0-only

//! Names address families. If a constant were missing, its name would be a new variable in the
//! pattern and match everything.

use crate::c::*;

pub(crate) fn name(family: u32) -> &'static str {
    match family {
        AF_INET => "inet",
        AF_APPLETALK => "appletalk",
        _ => "unknown",
    }
}
