// SPDX-License-Identifier: GPL-2.0-only

//! The command `dkms-rust`; see [`dkms_rust`].

use dkms_rust::{cli, rustc_shim};
use std::process::ExitCode;

fn main() -> ExitCode {
    if let Some(code) = rustc_shim::run_if_called_as_compiler() {
        return code;
    }
    cli::run()
}
