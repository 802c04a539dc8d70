// SPDX-License-Identifier: GPL-2.0-only

//! Makes the build tree of a [`Plan`], or takes it from the cache.

use crate::build::cache::{Cache, CachedTree};
use crate::build::failures;
use crate::build::inputs::Inputs;
use crate::build::plan::{Look, Plan, TreePlan};
use crate::build::rebuild::{self, Rebuild};
use crate::build::stale;
use crate::source::find::KernelSource;
use crate::source::slice::Slice;
use crate::system::System;
use crate::system::print::tell;
use crate::system::run::{Failed, step};
use anyhow::{Result, bail};
use std::path::{Path, PathBuf};

/// A build tree in which modules can be built.
#[derive(Debug)]
pub enum BuildTree {
    /// The kernel's own build tree.
    Own(PathBuf),
    /// A tree in the cache.
    Kept(CachedTree),
}

impl BuildTree {
    /// Returns the path of the tree.
    pub fn path(&self) -> &Path {
        match self {
            Self::Own(path) => path,
            Self::Kept(kept) => &kept.path,
        }
    }
}

impl Plan {
    /// Returns the build tree, and rebuilds it first if necessary, with at most `jobs` jobs. The
    /// tree can't be removed from the cache while the result exists.
    ///
    /// # Errors
    ///
    /// Returns an error if the rebuild fails.
    pub fn ready(&self, system: &System, jobs: Option<usize>) -> Result<BuildTree> {
        let made = match &self.tree {
            TreePlan::Own(path) => return Ok(BuildTree::Own(path.clone())),
            TreePlan::Kept(inputs) => self.kept_or_made(system, inputs, jobs),
            TreePlan::Rebuild(rebuild) => make(system, rebuild, jobs),
        };
        let tree = made?;
        if let Err(error) = stale::drop_stale(system, Some(&self.release)) {
            tell(format_args!(
                "could not clean up after removed kernels: {error:#}"
            ));
        }
        Ok(BuildTree::Kept(tree))
    }

    /// Returns the tree with these inputs from the cache. If it turns out to be damaged, makes it
    /// again, or one of what there is now.
    fn kept_or_made(
        &self,
        system: &System,
        inputs: &Inputs,
        jobs: Option<usize>,
    ) -> Result<CachedTree> {
        let mut changed = None;
        let made = Cache::open(system)?.get_or_make(&self.release, inputs, |tree| {
            let rebuild = self.anew(system)?;
            let slice = slice_of(system, &rebuild)?;
            if rebuild.inputs.clone().with_slice(slice.info.files.clone()) != *inputs {
                changed = Some(rebuild);
                bail!("what it was made of has changed");
            }
            rebuild::run(system, &rebuild, &slice, tree, jobs)
        });
        match changed {
            Some(rebuild) => make(system, &rebuild, jobs),
            None => made,
        }
    }

    /// Plans a rebuild even though the cache has a tree.
    fn anew(&self, system: &System) -> Result<Rebuild> {
        match Self::looking(system, &self.release, Look::Anew)?.tree {
            TreePlan::Rebuild(rebuild) => Ok(*rebuild),
            _ => bail!(
                "the inputs of the rebuild have changed in the meantime; run the command again"
            ),
        }
    }
}

/// Makes a tree, and remembers a failure if the same rebuild would fail again.
fn make(system: &System, rebuild: &Rebuild, jobs: Option<usize>) -> Result<CachedTree> {
    let release = &rebuild.kernel.release;
    let cache = Cache::open(system)?;
    let slice = slice_of(system, rebuild)?;
    let inputs = rebuild.inputs.clone().with_slice(slice.info.files.clone());
    let made = cache.get_or_make(release, &inputs, |tree| {
        rebuild::run(system, rebuild, &slice, tree, jobs)
    });
    let noted = match made
        .as_ref()
        .map_err(|error| error.downcast_ref::<Failed>())
    {
        Ok(_) => failures::forget(system, release),
        Err(Some(failed)) if failed.again => {
            failures::remember(system, release, &inputs, failed.first(), &failed.log)
        }
        Err(_) => Ok(()),
    };
    if let Err(error) = noted {
        tell(format_args!("{release}: {error:#}"));
    }
    made
}

/// Returns the slice of the kernel's source. If it does not exist yet, this takes a second or two.
fn slice_of(system: &System, rebuild: &Rebuild) -> Result<Slice> {
    let release = &rebuild.kernel.release;
    let take = || rebuild.source.slice(system, &rebuild.kernel);
    match &rebuild.source {
        KernelSource::Slice(_) | KernelSource::Packaged(_) => take(),
        KernelSource::Here { path, .. } => {
            step(&format!("{release}: reading {}", path.display()), take)
        }
    }
}
