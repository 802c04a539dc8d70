// SPDX-License-Identifier: GPL-2.0-only

//! What the packages ship and a program writes: dkms-rust's man page and shell completions, made
//! from its own command line, so that they cannot say another thing than the program does.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use clap_complete::{Shell, generate_to};

use crate::project::Project;

/// Writes them to target/assets, where the packages' asset lists look.
pub fn write(project: &Project) -> Result<()> {
    // In the source tree even when CARGO_TARGET_DIR is elsewhere: the lists name it from there.
    let dir = project.source.join("target/assets");
    write_man(&dir.join("man"))?;
    write_completions(&dir.join("completions"))
}

fn write_man(dir: &Path) -> Result<()> {
    fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let mut text = Vec::new();
    clap_mangen::Man::new(dkms_rust::cli::command())
        .section("8")
        .render(&mut text)
        .context("cannot render dkms-rust's man page")?;
    let path = dir.join("dkms-rust.8");
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}

fn write_completions(dir: &Path) -> Result<()> {
    fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    for shell in [Shell::Bash, Shell::Fish, Shell::Zsh] {
        let mut command = dkms_rust::cli::command();
        generate_to(shell, &mut command, "dkms-rust", dir)
            .with_context(|| format!("cannot write the completion for {shell}"))?;
    }
    Ok(())
}
