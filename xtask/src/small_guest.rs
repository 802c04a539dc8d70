// SPDX-License-Identifier: GPL-2.0-only

//! The small guest: a kernel, the module under test, and the `guest` program as its init. It boots
//! in seconds and runs the behaviour suite.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::project::Project;
use crate::qemu::{Outcome, Pace, Vm};
use crate::{cpio, mounts};

/// 200 rounds of load and unload, emulated.
const TIMEOUT: Duration = Duration::from_secs(600);

/// The driver's name among the modules.
pub const DRIVER: &str = "procDriver.ko";

/// Boots a kernel with these modules, by name, and these words for the `guest` program. The name
/// is that of the log.
pub fn run(
    project: &Project,
    kernel: &Path,
    program: &Path,
    modules: &[(&str, &[u8])],
    words: &str,
    name: &str,
    on_line: &mut dyn FnMut(&str),
) -> Result<Outcome> {
    let (vm, _work) = prepare(project, kernel, program, modules, words, name)?;
    vm.run(on_line)
}

/// The same, for whoever boots it themselves: the guest, and the folder that holds its initramfs.
pub fn prepare(
    project: &Project,
    kernel: &Path,
    program: &Path,
    modules: &[(&str, &[u8])],
    words: &str,
    name: &str,
) -> Result<(Vm, TempDir)> {
    let mut archive = cpio::Archive::new();
    let init = fs::read(program).with_context(|| format!("cannot read {}", program.display()))?;
    archive.file("init", 0o755, &init);
    for (name, module) in modules {
        archive.file(name, 0o644, module);
    }
    let work = mounts::scratch_folder(project)?;
    let initramfs = work.path().join("initramfs");
    fs::write(&initramfs, archive.finish()).context("cannot write the initramfs")?;
    let vm = Vm {
        kernel: kernel.to_path_buf(),
        initramfs,
        cmdline: words.to_owned(),
        firmware: None,
        disks: Vec::new(),
        memory: 512,
        // Readers, writers and unloading are to meet each other.
        processors: 2,
        pace: Pace::Fast,
        timeout: TIMEOUT,
        log: project.log(name)?,
    };
    Ok((vm, work))
}
