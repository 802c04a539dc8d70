// SPDX-License-Identifier: GPL-2.0-only

//! The command `dkms-rust`; see [`dkms_rust`].

use dkms_rust::build::{link, rustc_shim};
use dkms_rust::commands;
use std::process::ExitCode;

fn main() -> ExitCode {
    rustc_shim::run_if_called_as_compiler()
        .or_else(link::run_if_called_as_rustc)
        .unwrap_or_else(commands::main)
}
