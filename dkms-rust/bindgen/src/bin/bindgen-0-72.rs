// SPDX-License-Identifier: MIT OR Apache-2.0

//! bindgen 0.72.

use bindgen_72 as bindgen;
use std::error::Error;
use std::process::ExitCode;

fn main() -> ExitCode {
    dkms_rust_bindgen::end(run())
}

fn run() -> Result<(), Box<dyn Error>> {
    let (builder, output, _) = bindgen::builder_from_flags(std::env::args())?;
    Ok(builder.generate()?.write(output)?)
}
