// SPDX-License-Identifier: GPL-2.0-only

//! The init of the test guest: behaviour suite for /proc/1999_proc/mydrive.

fn main() {}
