// SPDX-License-Identifier: MIT OR Apache-2.0

//! bindgen, called as Debian's is. That one depends on all that a C++ compiler takes; to read a
//! kernel's headers takes libclang, a library.

use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Whoever called may have closed it.
            writeln!(std::io::stderr(), "bindgen: {error}").ok();
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let (builder, output, _) = bindgen::builder_from_flags(std::env::args())?;
    let bindings = builder.generate()?;
    Ok(bindings.write(output)?)
}
