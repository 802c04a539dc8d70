// SPDX-License-Identifier: GPL-2.0-only

//! Fuzzes one of the [`targets`]: the one with the name of this program.

#![no_main]

mod targets;

libfuzzer_sys::fuzz_target!(|input: &[u8]| targets::run(env!("CARGO_BIN_NAME"), input));
