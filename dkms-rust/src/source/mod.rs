// SPDX-License-Identifier: GPL-2.0-only

//! The kernel's source, of which a rebuild needs a little. May use `kernel` and `system`.

pub mod linux_source;
pub mod xz;
