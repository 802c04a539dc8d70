// SPDX-License-Identifier: GPL-2.0-only

//! The command `dkms-rust`; see [`dkms_rust`].

use dkms_rust::{cli, link, rustc_shim};
use std::process::ExitCode;

fn main() -> ExitCode {
    rustc_shim::run_if_called_as_compiler()
        .or_else(link::run_if_called_as_rustc)
        .unwrap_or_else(cli::run)
}
