// SPDX-License-Identifier: GPL-2.0-only

//! How dkms-rust keeps compilers from doing harm, tested on this kernel. The program that tries to
//! do harm is a test of dkms-rust (`dkms-rust/tests/confine.rs`); the host puts it into the guest.

use std::process::Command;

use anyhow::Context as _;
use anyhow::ensure;

use crate::cases::Case;
use crate::cases::Context;
use crate::kmsg;

pub const CASES: &[Case] = &[Case::any("confined-compilers-do-no-harm", no_harm)];

const PROGRAM: &str = "/suites/confine";

fn no_harm(_: &Context) -> anyhow::Result<()> {
    let output = Command::new(PROGRAM)
        .output()
        .with_context(|| format!("running {PROGRAM}"))?;
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    for line in said.lines() {
        kmsg::say(&format!("guest: {line}"));
    }
    ensure!(output.status.success(), "it ended with {}", output.status);
    // Every stock kernel has Landlock, and this process is root, so the program must not have
    // skipped anything.
    ensure!(said.contains("tcp: "), "it tried nothing");
    Ok(())
}
