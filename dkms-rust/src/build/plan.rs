// SPDX-License-Identifier: GPL-2.0-only

//! Decides how modules are built for a kernel, or returns a [`Refusal`] with the reason why they
//! can't be.
//!
//! ```text
//! Release -> Kernel -> Class -> Way -> TreePlan -> BuildTree
//!
//! if the class is    the way is
//! Metadata           Shipped, or Linked without the rustc that made the metadata
//! Rust               Rebuilt, or Linked without its own rustc or bindgen, or with a forced source
//! NoRust             Linked
//!
//! if the way is      the tree is planned as                                and BuildTree is
//! Shipped            Own: the kernel's own build tree                      Own
//! Rebuilt, Linked    Kept: in the cache, or Rebuild: to be made and kept   Kept
//! ```
//!
//! [`Plan::of`] goes up to the [`TreePlan`], and writes nothing except the fingerprint of the
//! headers; [`Plan::ready`], in [`tree`](crate::build::tree), makes the tree if necessary. Each step
//! can end in a refusal.

use crate::build::cache::Cache;
use crate::build::inputs::{HEADERS, Inputs};
use crate::build::jobs;
use crate::build::place;
use crate::build::rebuild::Rebuild;
use crate::build::recipe::RECIPE;
use crate::build::refuse::{can_be_rebuilt, not_failed, without_source};
use crate::build::way::Way;
use crate::kernel::class::Class;
use crate::kernel::fingerprint;
use crate::kernel::headers::Kernel;
use crate::kernel::refusal::Refusal;
use crate::kernel::release::Release;
use crate::source::find::KernelSource;
use crate::source::slice::Slice;
use crate::system::System;
use crate::toolchain::{Bindgen, Compiler, Rustc, identity};
use std::cell::LazyCell;
use std::path::PathBuf;

/// How modules are built for a kernel.
#[derive(Debug)]
pub struct Plan {
    /// The kernel's release.
    pub release: Release,
    /// What the kernel offers to Rust modules.
    pub class: Class,
    /// The way in which modules are built.
    pub way: Way,
    /// The C compiler that builds modules.
    pub compiler: Compiler,
    /// The rustc that builds modules.
    pub rustc: Rustc,
    /// Where the build tree with metadata comes from.
    pub tree: TreePlan,
}

/// Where a build tree with metadata comes from.
#[derive(Debug)]
pub enum TreePlan {
    /// The kernel's own build tree has metadata.
    Own(PathBuf),
    /// The cache has a tree that was rebuilt from these inputs.
    Kept(Inputs),
    /// The tree has to be rebuilt.
    Rebuild(Box<Rebuild>),
}

impl TreePlan {
    /// Returns the origin in one or two words.
    pub fn origin(&self) -> &'static str {
        match self {
            Self::Own(_) => "own",
            Self::Kept(_) => "kept",
            Self::Rebuild(_) => "to rebuild",
        }
    }
}

/// How a plan is made.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// Takes a tree from the cache, and refuses a rebuild that has failed before with the same
    /// inputs.
    Usual,
    /// Ignores an earlier failure.
    Again,
    /// Ignores the cache as well.
    Anew,
}

impl Plan {
    /// Checks everything that a build for `release` depends on. This takes about 0.3 s if the
    /// fingerprint of the headers is already known. It writes nothing except that fingerprint.
    ///
    /// # Errors
    ///
    /// Returns a refusal for the first problem that it finds.
    pub fn of(system: &System, release: &Release) -> Result<Self, Refusal> {
        Self::looking(system, release, Look::Usual)
    }

    /// Does the same as [`Plan::of`], but ignores an earlier failure.
    ///
    /// # Errors
    ///
    /// See [`Plan::of`].
    pub fn again(system: &System, release: &Release) -> Result<Self, Refusal> {
        Self::looking(system, release, Look::Again)
    }

    pub(super) fn looking(system: &System, release: &Release, look: Look) -> Result<Self, Refusal> {
        let kernel = Kernel::find(system, release)?;
        let class = Class::of(&kernel)?;
        let slice = Slice::kept(system, release);
        let forced = slice.as_ref().is_some_and(|slice| slice.info.forced);
        kernel.can_build()?;
        // First report what the user can't fix.
        let rebuildable = can_be_rebuilt(&kernel);
        if class != Class::Metadata {
            rebuildable.clone()?;
        }
        // Only look for bindgens if they are needed: this runs each of them to get its version.
        let bindgens = LazyCell::new(Bindgen::all);
        // Bindings from another bindgen lack some of the kernel's symbol names.
        let other_bindgen = class == Class::Rust && !Bindgen::is_own_here(&kernel, &bindgens);
        let (way, rustc) = Way::choose(&kernel, class, forced || other_bindgen)?;
        if way != Way::Shipped {
            rebuildable?;
        }
        let compiler = Compiler::of(&kernel)?;
        let tree = if way == Way::Shipped {
            TreePlan::Own(kernel.build)
        } else {
            place::runs_programs(&kernel)?;
            let bindgen = Bindgen::of(&kernel, &bindgens)?;
            let inputs = inputs(system, &kernel, way, &rustc, &bindgen, slice.as_ref())?;
            let found = (look != Look::Anew).then(|| Cache::find(system, release, &inputs));
            if let Some(inputs) = found.flatten() {
                TreePlan::Kept(inputs)
            } else {
                let source = KernelSource::of(system, &kernel, slice)
                    .map_err(|refusal| without_source(&kernel, class, &rustc, refusal))?;
                rustc.library(&kernel)?;
                bindgen.reads_c(&kernel)?;
                place::check(&kernel)?;
                jobs::check(&kernel)?;
                let rebuild = Rebuild {
                    kernel,
                    way,
                    source,
                    rustc: rustc.clone(),
                    bindgen,
                    compiler: compiler.clone(),
                    inputs,
                };
                if look == Look::Usual {
                    not_failed(system, &rebuild)?;
                }
                TreePlan::Rebuild(Box::new(rebuild))
            }
        };
        Ok(Self {
            release: release.clone(),
            class,
            way,
            compiler,
            rustc,
            tree,
        })
    }

    /// Returns a short digest of what the build tree is made of.
    pub fn identity(&self, system: &System) -> String {
        let path = match &self.tree {
            TreePlan::Own(path) => path,
            TreePlan::Kept(inputs) => return inputs.name(),
            TreePlan::Rebuild(rebuild) => return rebuild.inputs.name(),
        };
        let kernel = Kernel::find(system, &self.release).ok();
        let headers = kernel.and_then(|kernel| fingerprint::of(system, &kernel).ok());
        let inputs = Inputs::new([
            (HEADERS, &*headers.unwrap_or_default()),
            ("build tree", &path.display().to_string()),
            ("rustc", &self.rustc.version),
        ]);
        inputs.name()
    }
}

/// Returns the inputs that determine a rebuilt tree.
fn inputs(
    system: &System,
    kernel: &Kernel,
    way: Way,
    rustc: &Rustc,
    bindgen: &Bindgen,
    slice: Option<&Slice>,
) -> Result<Inputs, Refusal> {
    let headers = fingerprint::of(system, kernel).map_err(|error| {
        let why = format!("its headers can't be read: {error:#}");
        Refusal::final_(&kernel.release, why)
    })?;
    let library = rustc.library(kernel).ok();
    let inputs = Inputs::new([
        ("recipe", RECIPE),
        ("way", &way.to_string()),
        (HEADERS, &headers),
        // The tree contains links to this path.
        ("build tree", &kernel.build.display().to_string()),
        ("rustc", &rustc.version),
        ("rustc's file", &identity::of_program(&rustc.path)),
        ("bindgen", &bindgen.version),
        ("bindgen's file", &identity::of_program(&bindgen.path)),
        ("libclang", &identity::of_libclang()),
    ]);
    let inputs = match slice {
        Some(slice) => inputs.with_slice(slice.info.files.clone()),
        None => inputs,
    };
    Ok(match library {
        Some(library) => inputs.with_library(identity::of_library(&library)),
        None => inputs,
    })
}
