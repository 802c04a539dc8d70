// SPDX-License-Identifier: MIT OR Apache-2.0

//! bindgen, with the command line of Debian's package. That package depends on everything that a
//! C++ compiler needs, but reading a kernel's headers needs only libclang, a library.
//!
//! There is one program for each version with which kernels in Debian's archive were built. Another
//! version generates other impls, whose numbers are in the names of the symbols that kernels
//! export.

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

/// Returns the exit status of a program, and prints what went wrong.
pub fn end(done: Result<(), Box<dyn Error>>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The caller may have closed standard error.
            writeln!(std::io::stderr(), "bindgen: {error}").ok();
            ExitCode::FAILURE
        }
    }
}
