// SPDX-License-Identifier: MIT OR Apache-2.0

//! bindgen, called as Debian's is. That one depends on all that a C++ compiler takes; to read a
//! kernel's headers takes libclang, a library.
//!
//! There is a program for each version that kernels in Debian's archive were built with: another
//! one writes other impls, whose numbers are in the names of the symbols that kernels export.

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

/// How a program ends; what went wrong is said.
pub fn end(done: Result<(), Box<dyn Error>>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Whoever called may have closed it.
            writeln!(std::io::stderr(), "bindgen: {error}").ok();
            ExitCode::FAILURE
        }
    }
}
