// SPDX-License-Identifier: GPL-2.0-only

//! Decides how modules are built for a kernel, or returns a [`Refusal`] with the reason why they
//! can't be.
//!
//! ```text
//! release -> Kernel -> Class      -> Way     -> Tree                     -> Ready
//!                      Metadata      Shipped    Own: the kernel's own       Own
//!                      Rust          Rebuilt    Kept: in the cache          Kept
//!                      NoRust        Linked     Rebuild: to be made, kept   Kept
//! ```
//!
//! [`Plan::of`] goes up to the tree, and changes nothing; [`Plan::ready`] makes the tree if need be.
//! Each step can end in a refusal. A kernel of class `Rust` is linked if its own rustc or bindgen is
//! not here, or if its source was forced.

use crate::build::cache::{Cache, HEADERS, Inputs, Kept};
use crate::build::failures;
use crate::build::jobs;
use crate::build::place;
use crate::build::rebuild::{self, Rebuild};
use crate::build::recipe::RECIPE;
use crate::build::stale;
use crate::build::way::{self, Way};
use crate::kernel::class::Class;
use crate::kernel::fingerprint;
use crate::kernel::headers::Kernel;
use crate::kernel::refusal::Refusal;
use crate::kernel::release::Release;
use crate::source::find::Source;
use crate::source::slice::Slice;
use crate::system::System;
use crate::system::dpkg;
use crate::system::run::{Failed, step};
use crate::toolchain::{Bindgen, Compiler, Rustc, identity};
use anyhow::Result;
use std::cell::LazyCell;
use std::fs;
use std::path::{Path, PathBuf};

/// The oldest kernel series whose `kernel` crate is complete enough for today's modules.
const OLDEST: (u32, u32) = (6, 12);

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

impl Plan {
    /// Checks everything that a build for `release` depends on. This takes about 0.3 s if the
    /// fingerprint of the headers is already known. It writes nothing except that fingerprint.
    ///
    /// # Errors
    ///
    /// Returns a refusal for the first problem that it finds.
    pub fn of(system: &System, release: &Release) -> Result<Self, Refusal> {
        Self::looking(system, release, true, true)
    }

    /// Does the same as [`Plan::of`], but ignores an earlier failure.
    ///
    /// # Errors
    ///
    /// See [`Plan::of`].
    pub fn again(system: &System, release: &Release) -> Result<Self, Refusal> {
        Self::looking(system, release, true, false)
    }

    /// Makes a plan. `kept` allows a tree from the cache. `heeded` makes it refuse a rebuild that
    /// has failed before with the same inputs.
    fn looking(
        system: &System,
        release: &Release,
        kept: bool,
        heeded: bool,
    ) -> Result<Self, Refusal> {
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
            let found = kept
                .then(|| Cache::find(system, release, &inputs))
                .flatten();
            if let Some(inputs) = found {
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
                if heeded {
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
            Tree::Kept(inputs) => {
                Cache::open(system)?.get_or_make(&self.release, inputs, |tree| {
                    // The kept tree turned out to be damaged, so everything for a rebuild must be
                    // present.
                    let rebuild = self.anew(system)?;
                    let slice = slice_of(system, &rebuild)?;
                    rebuild::run(system, &rebuild, &slice, tree, jobs)
                })
            }
            Tree::Rebuild(rebuild) => make(system, rebuild, jobs),
        };
        let tree = made?;
        if let Err(error) = stale::drop_stale(system) {
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

    /// Plans a rebuild even though the cache has a tree.
    fn anew(&self, system: &System) -> Result<Rebuild> {
        match Self::looking(system, &self.release, false, false)?.tree {
            Tree::Rebuild(rebuild) => Ok(*rebuild),
            _ => anyhow::bail!(
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

/// Refuses a rebuild that has failed before with the same inputs.
fn not_failed(system: &System, rebuild: &Rebuild) -> Result<(), Refusal> {
    let release = &rebuild.kernel.release;
    let Some(failure) = failures::of(system, release, &rebuild.inputs) else {
        return Ok(());
    };
    let why = format!(
        "rebuilding its Rust metadata failed before, and nothing has changed since: {} (the \
         complete log is in {})",
        failure.why,
        failure.log.display()
    );
    let options = system.options();
    let again = format!("dkms-rust kdir -k {release}{options} # tries again");
    Err(Refusal::new(release, why, again))
}

/// Explains in the refusal for a missing source why the source is needed at all.
fn without_source(kernel: &Kernel, class: Class, rustc: &Rustc, refusal: Refusal) -> Refusal {
    let mut refusal = with_lib_rust(kernel, refusal);
    let own = way::own_rustc(kernel, class).filter(|own| *own != rustc.version);
    if let Some(own) = own {
        refusal.reason = format!(
            "its own rustc, {own:?}, is not installed, and any other needs the kernel's source; {}",
            refusal.reason
        );
    }
    refusal
}

/// On Ubuntu, the headers have a `rust` link into a separate package with the metadata. If this
/// package is not installed and a rebuild is not possible, tells the user to install it.
fn with_lib_rust(kernel: &Kernel, refusal: Refusal) -> Refusal {
    let link = kernel.build.join("rust");
    let package = format!("linux-lib-rust-{}", kernel.release);
    let leads_there =
        fs::read_link(&link).is_ok_and(|target| target.iter().any(|part| part == package.as_str()));
    if !leads_there || link.exists() {
        return refusal;
    }
    let reason = format!(
        "{package}, which has its metadata, is not installed; {}",
        refusal.reason
    );
    let mend = dpkg::install(&kernel.system, &[&package]).unwrap_or_else(|| {
        // As a shell comment after the command, so that the whole line can still be pasted.
        let other = refusal.mend.map(|mend| format!("{mend} # or "));
        let other = other.unwrap_or_default();
        format!("{other}install {package} from where you got the kernel (apt does not have it)")
    });
    Refusal::new(&kernel.release, reason, mend)
}

/// Refuses kernels whose source does not contain crates that can be built.
fn can_be_rebuilt(kernel: &Kernel) -> Result<(), Refusal> {
    let release = &kernel.release;
    if release.series().is_none_or(|series| series < OLDEST) {
        let why = format!(
            "it is older than {}.{}, the first release that has what Rust modules need",
            OLDEST.0, OLDEST.1
        );
        return Err(Refusal::final_(release, why));
    }
    if !has_rust_port(kernel) {
        let why = "Rust is not ported to its architecture (its configuration has no \
                   CONFIG_HAVE_RUST)";
        return Err(Refusal::final_(release, why));
    }
    Ok(())
}

/// Returns whether Rust supports the kernel's architecture. With shadow call stacks, the
/// configuration has `HAVE_RUST` only if the rustc at that time supported them, too.
fn has_rust_port(kernel: &Kernel) -> bool {
    let ported = kernel
        .srcarch()
        .is_some_and(|arch| arch == "arm64" || arch == "riscv");
    kernel.config.is_on("HAVE_RUST") || ported && kernel.config.is_on("SHADOW_CALL_STACK")
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::headers::tests::make_installed;

    fn refusal(release: &str, config: &str) -> Option<String> {
        let root = tempfile::tempdir().unwrap();
        make_installed(root.path(), release, config);
        let kernel = Kernel::find(&System::below(root.path()), &release.parse().unwrap()).unwrap();
        Some(can_be_rebuilt(&kernel).err()?.reason)
    }

    const HAVE_RUST: &str = "CONFIG_HAVE_RUST=y\n";

    #[test]
    fn a_kernel_that_is_too_old_is_refused() {
        let why = refusal("6.1.0-44-amd64", HAVE_RUST).unwrap();
        assert!(why.contains("older than 6.12"), "{why}");
        assert!(refusal("6.11.10-amd64", HAVE_RUST).is_some());
        assert_eq!(refusal("6.12.107-amd64", HAVE_RUST), None);
    }

    #[test]
    fn a_kernel_of_an_architecture_without_rust_is_refused_for_good() {
        let why = refusal("6.12.107-s390x", "").unwrap();
        assert!(why.contains("not ported to its architecture"), "{why}");
    }

    #[test]
    fn the_rustc_that_is_missing_is_named_where_the_source_is_missing_too() {
        let root = tempfile::tempdir().unwrap();
        let config = "CONFIG_RUST=y\nCONFIG_RUSTC_VERSION_TEXT=\"rustc 1.11.1 (x)\"\n";
        make_installed(root.path(), "7.3.4-amd64", config);
        let release = "7.3.4-amd64".parse().unwrap();
        let kernel = Kernel::find(&System::below(root.path()), &release).unwrap();
        let reason = |version: &str| {
            let refusal = Refusal::new(&release, "no source", "get it");
            let rustc = Rustc {
                path: "/usr/bin/rustc".into(),
                version: version.to_owned(),
            };
            without_source(&kernel, Class::Rust, &rustc, refusal).reason
        };
        assert_eq!(reason("rustc 1.11.1 (x)"), "no source");
        assert!(
            reason("rustc 1.85.1 (x)").starts_with("its own rustc, \"rustc 1.11.1 (x)\", is not")
        );
    }

    #[test]
    fn ubuntu_s_package_with_the_metadata_is_named_where_nothing_else_serves() {
        let root = tempfile::tempdir().unwrap();
        let build = make_installed(root.path(), "6.14.0-1-generic", "CONFIG_RUST=y\n");
        let release = "6.14.0-1-generic".parse().unwrap();
        let kernel = Kernel::find(&System::below(root.path()), &release).unwrap();
        let refused = || with_lib_rust(&kernel, Refusal::new(&release, "no source", "get it"));
        assert_eq!(refused().reason, "no source");
        let target = "/usr/src/linux-lib-rust-6.14.0-1-generic/rust";
        std::os::unix::fs::symlink(target, build.join("rust")).unwrap();
        let refusal = refused();
        let mend = refusal.mend.unwrap();
        assert!(
            mend.starts_with("get it # or install linux-lib-rust-6.14.0-1-generic"),
            "{mend}"
        );
        assert!(refusal.reason.ends_with("is not installed; no source"));
    }
}
