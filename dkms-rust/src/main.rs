// SPDX-License-Identifier: GPL-2.0-only

//! The command `dkms-rust`, see [`dkms_rust`].

use dkms_rust::build::{link_runtime, rustc_shim};
use dkms_rust::commands;
use dkms_rust::system::launch;
use std::process::ExitCode;

fn main() -> ExitCode {
    rustc_shim::run_if_called_as_compiler()
        .or_else(link_runtime::run_if_called_as_rustc)
        .or_else(launch::run_if_called)
        .unwrap_or_else(commands::main)
}
