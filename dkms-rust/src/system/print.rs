// SPDX-License-Identifier: GPL-2.0-only

//! Prints for the user. `println!` and `eprintln!` panic if nobody reads the output any more, and a
//! build must not end in the middle because the terminal of an upgrade is gone.

use anyhow::{Context, Result};
use std::fmt::Display;
use std::io::{self, ErrorKind, Write};

/// Tells the user what is done or is wrong, on standard error. It does not matter whether anybody
/// reads it.
pub fn tell(what: impl Display) {
    writeln!(io::stderr(), "dkms-rust: {what}").ok();
}

/// Prints a command's answer on standard output. Whoever reads it may stop at any time, as `head`
/// does.
///
/// # Errors
///
/// If it can't be written for another reason, such as a full disk.
pub fn print(answer: impl Display) -> Result<()> {
    let mut output = io::stdout().lock();
    match writeln!(output, "{answer}").and_then(|()| output.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(error).context("can't write the answer")
        }
        _ => Ok(()),
    }
}
