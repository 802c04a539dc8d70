// SPDX-License-Identifier: GPL-2.0-only

//! Decides how modules are built for a kernel, or returns a [`Refusal`] with the reason why they
//! can't be.
//!
//! ```text
//! release -> Kernel -> Class -> Way -> Tree -> Ready
//!
//! if the class is    the way is
//! Metadata           Shipped, or Linked without the rustc that made the metadata
//! Rust               Rebuilt, or Linked without its own rustc or bindgen, or with a forced source
//! NoRust             Linked
//!
//! if the way is      the tree is                                           and then Ready is
//! Shipped            Own: the kernel's own build tree                      Own
//! Rebuilt, Linked    Kept: in the cache, or Rebuild: to be made and kept   Kept
//! ```
//!
//! [`Plan::of`] goes up to the tree, and writes nothing except the fingerprint of the headers;
//! [`Plan::ready`] makes the tree if necessary. Each step can end in a refusal.

use crate::build::cache::{Cache, HEADERS, Inputs, Kept};
use crate::build::failures;
use crate::build::jobs;
use crate::build::place;
use crate::build::rebuild::{self, Rebuild};
use crate::build::recipe::RECIPE;
use crate::build::refuse::{can_be_rebuilt, not_failed, without_source};
use crate::build::stale;
use crate::build::way::Way;
use crate::kernel::class::Class;
use crate::kernel::fingerprint;
use crate::kernel::headers::Kernel;
use crate::kernel::refusal::Refusal;
use crate::kernel::release::Release;
use crate::source::find::Source;
use crate::source::slice::Slice;
use crate::system::System;
use crate::system::run::{Failed, step};
use crate::toolchain::{Bindgen, Compiler, Rustc, identity};
use anyhow::{Result, bail};
use std::cell::LazyCell;
use std::path::{Path, PathBuf};

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
    /// The origin of the build tree with metadata.
    pub tree: Tree,
}

/// The origin of a build tree with metadata.
#[derive(Debug)]
pub enum Tree {
    /// The kernel's own build tree has metadata.
    Own(PathBuf),
    /// The cache has a tree that was rebuilt from these inputs.
    Kept(Inputs),
    /// The tree has to be rebuilt.
    Rebuild(Box<Rebuild>),
}

impl Tree {
    /// Returns the origin in one or two words.
    pub fn origin(&self) -> &'static str {
        match self {
            Self::Own(_) => "own",
            Self::Kept(_) => "kept",
            Self::Rebuild(_) => "to rebuild",
        }
    }
}

/// A build tree in which modules can be built.
#[derive(Debug)]
pub enum Ready {
    /// The kernel's own build tree.
    Own(PathBuf),
    /// A tree in the cache.
    Kept(Kept),
}

impl Ready {
    /// Returns the path of the tree.
    pub fn path(&self) -> &Path {
        match self {
            Self::Own(path) => path,
            Self::Kept(kept) => &kept.path,
        }
    }
}

/// How a plan is made.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
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

    fn looking(system: &System, release: &Release, look: Look) -> Result<Self, Refusal> {
        let kernel = Kernel::find(system, release)?;
        let class = Class::of(&kernel)?;
        let slice = Slice::kept(system, release);
        let forced = slice.as_ref().is_some_and(|slice| slice.about.forced);
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
            Tree::Own(kernel.build)
        } else {
            place::runs_programs(&kernel)?;
            let bindgen = Bindgen::of(&kernel, &bindgens)?;
            let inputs = inputs(system, &kernel, way, &rustc, &bindgen, slice.as_ref())?;
            let found = (look != Look::Anew).then(|| Cache::find(system, release, &inputs));
            if let Some(inputs) = found.flatten() {
                Tree::Kept(inputs)
            } else {
                let source = Source::of(system, &kernel, slice)
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
                Tree::Rebuild(Box::new(rebuild))
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

    /// Returns the build tree, and rebuilds it first if necessary, with at most `jobs` jobs. The
    /// tree can't be removed from the cache while the result exists.
    ///
    /// # Errors
    ///
    /// Returns an error if the rebuild fails.
    pub fn ready(&self, system: &System, jobs: Option<usize>) -> Result<Ready> {
        let made = match &self.tree {
            Tree::Own(path) => return Ok(Ready::Own(path.clone())),
            Tree::Kept(inputs) => self.kept_or_made(system, inputs, jobs),
            Tree::Rebuild(rebuild) => make(system, rebuild, jobs),
        };
        let tree = made?;
        if let Err(error) = stale::drop_stale(system, Some(&self.release)) {
            eprintln!("dkms-rust: could not clean up after removed kernels: {error:#}");
        }
        Ok(Ready::Kept(tree))
    }

    /// Returns a short digest of what the build tree is made of.
    pub fn identity(&self, system: &System) -> String {
        let path = match &self.tree {
            Tree::Own(path) => path,
            Tree::Kept(inputs) => return inputs.name(),
            Tree::Rebuild(rebuild) => return rebuild.inputs.name(),
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

    /// Returns the tree with these inputs from the cache. If it turns out to be damaged, makes it
    /// again, or one of what there is now.
    fn kept_or_made(&self, system: &System, inputs: &Inputs, jobs: Option<usize>) -> Result<Kept> {
        let mut changed = None;
        let made = Cache::open(system)?.get_or_make(&self.release, inputs, |tree| {
            let rebuild = self.anew(system)?;
            let slice = slice_of(system, &rebuild)?;
            if rebuild.inputs.clone().with_slice(slice.about.files.clone()) != *inputs {
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
            Tree::Rebuild(rebuild) => Ok(*rebuild),
            _ => bail!(
                "the inputs of the rebuild have changed in the meantime; run the command again"
            ),
        }
    }
}

/// Makes a tree, and remembers a failure if the same rebuild would fail again.
fn make(system: &System, rebuild: &Rebuild, jobs: Option<usize>) -> Result<Kept> {
    let release = &rebuild.kernel.release;
    let cache = Cache::open(system)?;
    let slice = slice_of(system, rebuild)?;
    let inputs = rebuild.inputs.clone().with_slice(slice.about.files.clone());
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
        eprintln!("dkms-rust: {release}: {error:#}");
    }
    made
}

/// Returns the slice of the kernel's source. If it does not exist yet, this takes a second or two.
fn slice_of(system: &System, rebuild: &Rebuild) -> Result<Slice> {
    let release = &rebuild.kernel.release;
    let take = || rebuild.source.slice(system, &rebuild.kernel);
    match &rebuild.source {
        Source::Slice(_) | Source::Packaged(_) => take(),
        Source::Here { path, .. } => step(&format!("{release}: reading {}", path.display()), take),
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
        Some(slice) => inputs.with_slice(slice.about.files.clone()),
        None => inputs,
    };
    Ok(match library {
        Some(library) => inputs.with_library(identity::of_library(&library)),
        None => inputs,
    })
}
