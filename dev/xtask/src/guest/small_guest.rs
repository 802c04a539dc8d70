// SPDX-License-Identifier: GPL-2.0-only

//! The small guest: a kernel, the module under test, and the `guest` program as init. It boots in
//! seconds, and runs the behaviour suite.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::guest::cpio;
use crate::guest::machine::Pace;
use crate::guest::outcome::Outcome;
use crate::guest::qemu::Vm;
use crate::host::project::Project;
use crate::host::{files, mounts};

/// The memory and time limit of a guest.
#[derive(Clone, Copy)]
pub struct Size {
    /// Memory in MiB.
    pub memory: u32,
    /// After this time it is considered hanging.
    pub timeout: Duration,
}

/// Enough for 200 rounds of load and unload, emulated.
pub const USUAL: Size = Size {
    memory: 512,
    timeout: Duration::from_secs(600),
};

/// What goes into a guest.
pub struct Boot<'a> {
    /// The kernel.
    pub kernel: &'a Path,
    /// The program that runs as init.
    pub program: &'a Path,
    /// Modules: names and contents.
    pub modules: &'a [(&'a str, &'a [u8])],
    /// Other programs and the files that they need: paths and contents.
    pub programs: &'a [(String, Vec<u8>)],
    /// Kernel parameters.
    pub words: &'a str,
    /// The name of its log.
    pub name: &'a str,
    /// Additional QEMU devices.
    pub devices: &'static [&'static str],
    /// Its memory and time limit.
    pub size: Size,
}

/// The driver's name among the modules.
pub const DRIVER: &str = "procDriver.ko";

/// Boots a kernel with these modules. `words` are parameters for the `guest` program, `name` is
/// that of the log.
pub fn run(
    project: &Project,
    kernel: &Path,
    program: &Path,
    modules: &[(&str, &[u8])],
    words: &str,
    name: &str,
    on_line: &mut dyn FnMut(&str),
) -> Result<Outcome> {
    usual(kernel, program, modules, words, name).run(project, on_line)
}

/// Like [`run`], for callers that boot it themselves. Returns the guest, and the directory that
/// contains its initramfs.
pub fn prepare(
    project: &Project,
    kernel: &Path,
    program: &Path,
    modules: &[(&str, &[u8])],
    words: &str,
    name: &str,
) -> Result<(Vm, TempDir)> {
    usual(kernel, program, modules, words, name).prepare(project)
}

fn usual<'a>(
    kernel: &'a Path,
    program: &'a Path,
    modules: &'a [(&'a str, &'a [u8])],
    words: &'a str,
    name: &'a str,
) -> Boot<'a> {
    Boot {
        kernel,
        program,
        modules,
        programs: &[],
        words,
        name,
        devices: &[],
        size: USUAL,
    }
}

impl Boot<'_> {
    /// Boots the guest, and passes on each console line as it arrives.
    pub fn run(&self, project: &Project, on_line: &mut dyn FnMut(&str)) -> Result<Outcome> {
        let (vm, _work) = self.prepare(project)?;
        vm.run(on_line)
    }

    fn prepare(&self, project: &Project) -> Result<(Vm, TempDir)> {
        let program = self.program;
        let init = files::bytes(program)?;
        let mut archive = cpio::Archive::new()?;
        archive.file("init", 0o755, &init)?;
        for (name, module) in self.modules {
            archive.file(name, 0o644, module)?;
        }
        for folder in folders(self.programs.iter().map(|(path, _)| Path::new(path))) {
            archive.directory(&folder)?;
        }
        for (path, bytes) in self.programs {
            archive.file(path, 0o755, bytes)?;
        }
        let work = mounts::scratch_folder(project)?;
        let initramfs = work.path().join("initramfs");
        fs::write(&initramfs, archive.finish()?).context("cannot write the initramfs")?;
        let vm = Vm {
            kernel: self.kernel.to_path_buf(),
            initramfs,
            cmdline: self.words.to_owned(),
            firmware: None,
            disks: Vec::new(),
            devices: self.devices,
            memory: self.size.memory,
            // Readers, writers and unloading must run concurrently.
            processors: 2,
            pace: Pace::Fast,
            timeout: self.size.timeout,
            log: project.log(self.name)?,
        };
        Ok((vm, work))
    }
}

/// Returns all parent directories of these files, each after its own parent.
fn folders<'a>(files: impl Iterator<Item = &'a Path>) -> BTreeSet<String> {
    files
        .flat_map(|file| file.ancestors().skip(1))
        .filter_map(|folder| folder.to_str())
        .filter(|folder| !folder.is_empty())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_comes_after_the_one_it_is_in_and_once() {
        let files = ["usr/bin/a", "usr/bin/b", "usr/lib/x/c", "d"].map(Path::new);
        let folders: Vec<_> = folders(files.into_iter()).into_iter().collect();
        assert_eq!(folders, ["usr", "usr/bin", "usr/lib", "usr/lib/x"]);
    }
}
