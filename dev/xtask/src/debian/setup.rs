// SPDX-License-Identifier: GPL-2.0-only

//! The common setup of `xtask test`, `life` and `bench`: the packages, and a root with the kernels
//! of the table that are tested.

use std::path::PathBuf;
use std::thread;

use anyhow::{Result, anyhow};

use crate::debian::kernel::Kernel;
use crate::debian::kernels::TESTED;
use crate::debian::root::Root;
use crate::debian::{layers, provision, warm};
use crate::host::project::Project;
use crate::host::{machine, mounts};
use crate::package::{deb, repo};

/// The common setup.
pub struct Setup<'a> {
    /// The project's directories.
    pub project: &'a Project,
    /// The root to boot.
    pub base: Root,
    /// The same root with the other tested kernels and the tests' own tools.
    pub checks: Root,
    /// The releases of all kernels in `checks`. The first is that of the root to boot.
    pub releases: Vec<String>,
    /// The packages.
    pub debs: Vec<PathBuf>,
    /// The apt repository of the packages.
    pub repo: PathBuf,
}

impl<'a> Setup<'a> {
    /// Makes everything that is not cached.
    pub fn new(project: &'a Project) -> Result<Self> {
        begin()?;
        Self::with(project, || {
            let debs = deb::build(project)?;
            let repo = repo::build(project, &debs)?;
            Ok((debs, repo))
        })
    }

    /// Like [`Self::new`], but `packages` makes the packages and the repository. Meanwhile the root
    /// is downloaded and made.
    pub fn with(
        project: &'a Project,
        packages: impl FnOnce() -> Result<(Vec<PathBuf>, PathBuf)>,
    ) -> Result<Self> {
        thread::scope(|scope| {
            let roots = scope.spawn(|| {
                let base = provision::base(project, TESTED)?;
                let others = others(&base);
                let kernels = layers::with_kernels(project, &base, "test", &others)?;
                let checks = layers::with_checks(project, &kernels)?;
                let others = others.iter().map(|kernel| kernel.release.clone());
                let releases = [base.release.clone()].into_iter().chain(others).collect();
                Ok::<_, anyhow::Error>((base, checks, releases))
            });
            let (debs, repo) = packages()?;
            let roots = roots.join().map_err(|_| anyhow!("provisioning panicked"))?;
            let (base, checks, releases) = roots?;
            Ok(Self {
                project,
                base,
                checks,
                releases,
                debs,
                repo,
            })
        })
    }

    /// Returns the warmed dkms-rust caches, one for each release.
    pub fn caches(&self) -> Result<Vec<PathBuf>> {
        self.releases
            .iter()
            .map(|release| warm::cache(self.project, &self.checks, release, &self.repo))
            .collect()
    }
}

/// The first step of every task that mounts roots and boots guests.
pub fn begin() -> Result<()> {
    machine::need_amd64()?;
    mounts::private_namespace()?;
    machine::need(&machine::for_guests())
}

/// Returns the kernels of the table to test besides the one that boots. If there are several
/// series, the newest is enough.
fn others(base: &Root) -> Vec<&Kernel> {
    TESTED
        .kernels
        .iter()
        .filter(|kernels| kernels.in_test)
        .filter_map(|kernels| {
            base.offered
                .iter()
                .find(|kernel| kernel.suite == kernels.suite && kernel.flavour == kernels.flavour)
        })
        .filter(|kernel| kernel.release != base.release)
        .collect()
}
