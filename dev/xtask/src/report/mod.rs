// SPDX-License-Identifier: GPL-2.0-only

//! How results are stored and shown: tables, and pages that are generated in part. May use `host`.

pub mod document;
pub mod markdown;
pub mod results;
