// SPDX-License-Identifier: GPL-2.0-only

//! What the packages ship and a program writes: dkms-rust's shell completions, made from its own
//! command line, so that they cannot say another thing than the program does.

use std::path::Path;

use anyhow::{Context, Result};
use clap_complete::{Shell, generate_to};

use crate::host::files;
use crate::host::project::Project;

/// Writes them to target/assets, where the packages' asset lists look.
pub fn write(project: &Project) -> Result<()> {
    // In the source tree even when CARGO_TARGET_DIR is elsewhere: the lists name it from there.
    write_completions(&project.source.join("target/assets/completions"))
}

fn write_completions(dir: &Path) -> Result<()> {
    files::make_dir(dir)?;
    for shell in [Shell::Bash, Shell::Fish, Shell::Zsh] {
        let mut command = dkms_rust::cli::command();
        generate_to(shell, &mut command, "dkms-rust", dir)
            .with_context(|| format!("cannot write the completion for {shell}"))?;
    }
    Ok(())
}
