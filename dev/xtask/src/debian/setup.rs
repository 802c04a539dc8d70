// SPDX-License-Identifier: GPL-2.0-only

//! What the tests, the life and the benchmark begin with: the packages, and a root with the kernels
//! of the table that they are tested on.

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

/// All of it.
pub struct Setup<'a> {
    /// Where things are.
    pub project: &'a Project,
    /// The root that boots.
    pub base: Root,
    /// The same with the other kernels that are tested, and the tests' own tools.
    pub checks: Root,
    /// The releases of all kernels in it, the first that of the root that boots.
    pub releases: Vec<String>,
    /// The packages.
    pub debs: Vec<PathBuf>,
    /// The repository of the packages.
    pub repo: PathBuf,
}

impl<'a> Setup<'a> {
    /// Makes what is not in the cache.
    pub fn new(project: &'a Project) -> Result<Self> {
        begin()?;
        Self::with(project, || {
            let debs = deb::build(project)?;
            let repo = repo::build(project, &debs)?;
            Ok((debs, repo))
        })
    }

    /// The same with packages and a repository that are made here. The root is downloaded and made
    /// while this machine's processors build.
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

    /// dkms-rust's cache, filled for each of the releases.
    pub fn caches(&self) -> Result<Vec<PathBuf>> {
        self.releases
            .iter()
            .map(|release| warm::cache(self.project, &self.checks, release, &self.repo))
            .collect()
    }
}

/// What every task does first that mounts roots and boots guests.
pub fn begin() -> Result<()> {
    machine::need_amd64()?;
    mounts::private_namespace()?;
    machine::need(&machine::for_guests())
}

/// The kernels of the table that are tested beside the one that boots. Of several series the
/// newest does.
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
