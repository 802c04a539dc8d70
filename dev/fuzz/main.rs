// SPDX-License-Identifier: GPL-2.0-only

//! A fuzzer of one of the [`targets`], the one that it is called like.

#![no_main]

mod targets;

libfuzzer_sys::fuzz_target!(|input: &[u8]| targets::run(env!("CARGO_BIN_NAME"), input));
