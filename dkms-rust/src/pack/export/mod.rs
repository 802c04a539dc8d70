// SPDX-License-Identifier: GPL-2.0-only

//! `dkms-rust export`: puts packages of prebuilt modules into other forms: a container image for
//! Kubernetes' Kernel Module Management ([`oci`], [`kmm`]), and a system extension ([`sysext`]).

pub mod kmm;
pub mod oci;
pub mod sysext;

use crate::source::work::WorkDir;
use crate::status::prebuilt::{self, Prebuilt};
use crate::system::System;
use crate::system::run::status;
use crate::system::search::program;
use anyhow::{Context, Result, bail, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Packages of prebuilt modules, unpacked.
pub struct Unpacked {
    work: WorkDir,
    /// The descriptions of their modules, by source and kernel.
    pub all: Vec<Prebuilt>,
}

impl Unpacked {
    /// Unpacks packages into a temporary directory.
    ///
    /// # Errors
    ///
    /// If one of them has no prebuilt modules, or they are not of one source.
    pub fn of(debs: &[PathBuf]) -> Result<Self> {
        let work = WorkDir::new(&std::env::temp_dir(), "dkms-rust-export")?;
        let system = System::below(work.path().join("debs"));
        for (before, deb) in debs.iter().enumerate() {
            let mut unpack = Command::new(program("dpkg-deb"));
            unpack
                .arg("--extract")
                .arg(deb)
                .arg(work.path().join("debs"));
            must(&mut unpack, "dpkg-deb")?;
            ensure!(
                prebuilt::all(&system).len() == before + 1,
                "{} has no modules (a metapackage has none), or another package has those for \
                 the same kernel",
                deb.display()
            );
        }
        let all = prebuilt::all(&system);
        let Some(first) = all.first() else {
            bail!("there is no package");
        };
        let other = all.iter().find(|other| other.name != first.name);
        if let Some(other) = other {
            bail!("{} and {} are not the same module", first.name, other.name);
        }
        Ok(Self { work, all })
    }

    /// Returns the name of the source.
    pub fn name(&self) -> &str {
        &self.all[0].name
    }

    /// Returns where a file of the packages is.
    fn at(&self, file: &Path) -> PathBuf {
        let file = file.strip_prefix("/").unwrap_or(file);
        self.work.path().join("debs").join(file)
    }

    /// Returns a directory for what is made of them, which does not exist yet.
    fn stage(&self) -> PathBuf {
        self.work.path().join("stage")
    }
}

/// Runs a program that has to succeed. Its standard output is not shown.
fn must(command: &mut Command, name: &str) -> Result<()> {
    let ended = status(command.stdout(Stdio::null()), name)
        .with_context(|| format!("is {name} installed?"))?;
    ensure!(ended.success(), "{name} failed ({ended})");
    Ok(())
}

/// Writes a file, and the directories that it needs.
fn put(path: &Path, content: impl AsRef<[u8]>) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    let written = fs::create_dir_all(folder).and_then(|()| fs::write(path, content));
    written.with_context(|| format!("can't write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn prebuilt(kernel: &str) -> Prebuilt {
        let file = format!("/usr/lib/modules/{kernel}/updates/dkms-rust/my_drv.ko.xz");
        Prebuilt {
            name: "my-drv".into(),
            version: "1".into(),
            kernel: kernel.into(),
            files: vec![file.into()],
            load: vec!["my_drv".into()],
            ..Prebuilt::default()
        }
    }

    #[test]
    fn what_is_no_package_of_modules_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let deb = dir.path().join("x.deb");
        fs::write(&deb, "").unwrap();
        assert!(Unpacked::of(&[deb]).is_err());
        assert!(Unpacked::of(&[]).is_err());
    }
}
