// SPDX-License-Identifier: GPL-2.0-only

//! What developers of procdriver-dkms run: packages, demo, tests.

fn main() {}
