// SPDX-License-Identifier: GPL-2.0-only

//! Tables of test cases.

pub mod authors;
pub mod bad_input;
pub mod debug;
pub mod driver_source;
pub mod status;
