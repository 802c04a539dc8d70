// SPDX-License-Identifier: GPL-2.0-only

//! What will be done for a kernel; or, as a [`Refusal`], why nothing can be.

use crate::cache::{Cache, Kept, Key};
use crate::class::Class;
use crate::dpkg;
use crate::kernel::Kernel;
use crate::linux_source::LinuxSource;
use crate::rebuild::{self, Bindings};
use crate::refusal::Refusal;
use crate::release::Release;
use crate::run::answer;
use crate::system::System;
use crate::toolchain::{Bindgen, Rustc};
use anyhow::Result;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The oldest series whose `kernel` crate modules of today can be built on.
const OLDEST: (u32, u32) = (6, 12);

/// How many bytes must be free where the cache is: 250 MB are used at the height of a rebuild.
const ROOM: u64 = 400 << 20;

/// How a kernel is served.
#[derive(Debug)]
pub struct Plan {
    /// Its release.
    pub release: Release,
    /// What it offers.
    pub class: Class,
    /// Whether it was built by clang and LLVM's tools.
    pub llvm: bool,
    /// The rustc that will build modules.
    pub rustc: Rustc,
    /// Where the build tree with metadata comes from.
    pub tree: Tree,
    bindings: Bindings,
}

/// Where a build tree with metadata comes from.
#[derive(Debug)]
pub enum Tree {
    /// It is the kernel's own.
    Own(PathBuf),
    /// It was rebuilt before, and is kept under this key.
    Kept(Key),
    /// It has to be rebuilt.
    Rebuild(Box<Rebuild>),
}

/// All that a rebuild needs.
#[derive(Debug)]
pub struct Rebuild {
    /// The kernel.
    pub kernel: Kernel,
    /// What it offers: [`Class::NoRust`] takes more than metadata.
    pub class: Class,
    /// Its source.
    pub source: LinuxSource,
    /// Its rustc.
    pub rustc: Rustc,
    /// Makes the bindings.
    pub bindgen: Bindgen,
    /// What the result is kept under.
    pub key: Key,
}

/// A build tree that is ready to build modules.
#[derive(Debug)]
pub enum Ready {
    /// The kernel's own.
    Own(PathBuf),
    /// One in the cache.
    Kept(Kept),
    /// The same, with lean bindings.
    Lean(Kept),
}

impl Ready {
    /// Where it is.
    pub fn path(&self) -> &Path {
        match self {
            Self::Own(path) => path,
            Self::Kept(kept) | Self::Lean(kept) => &kept.path,
        }
    }
}

impl Plan {
    /// Looks at everything that building for `release` depends on. Takes some 0.1 s and writes
    /// nothing.
    ///
    /// # Errors
    ///
    /// The first thing that is in the way.
    pub fn of(system: &System, release: &Release) -> Result<Self, Refusal> {
        Self::with(system, release, Bindings::Lean(None))
    }

    /// The same, where a rebuild makes these bindings.
    ///
    /// # Errors
    ///
    /// As [`Plan::of`].
    pub fn with(system: &System, release: &Release, bindings: Bindings) -> Result<Self, Refusal> {
        let lean = bindings != Bindings::Whole;
        Self::looking(system, release, bindings, |key| {
            let has = |key: &Key| Cache::has(system, release, key);
            let keys = [Some(key.clone()), lean.then(|| key.lean())];
            keys.into_iter().flatten().find(has)
        })
    }

    /// As [`Plan::with`], with what `kept` finds under the key of the whole tree.
    fn looking(
        system: &System,
        release: &Release,
        bindings: Bindings,
        kept: impl FnOnce(&Key) -> Option<Key>,
    ) -> Result<Self, Refusal> {
        let kernel = Kernel::find(system, release)?;
        let class = Class::of(&kernel)?;
        can_be_rebuilt(&kernel, class)?;
        let rustc = Rustc::of(&kernel, class)?;
        compiler(&kernel)?;
        let llvm = kernel.built_by_clang();
        let tree = if class == Class::Metadata {
            Tree::Own(kernel.build)
        } else {
            let (bindgen, key) = key(system, &kernel, &rustc)?;
            if let Some(key) = kept(&key) {
                Tree::Kept(key)
            } else {
                let rebuild = rebuild_of(system, kernel, class, &rustc, bindgen, key)?;
                Tree::Rebuild(Box::new(rebuild))
            }
        };
        Ok(Self {
            release: release.clone(),
            class,
            llvm,
            rustc,
            tree,
            bindings,
        })
    }

    /// The build tree, rebuilt now if need be; it stays as long as the result does.
    ///
    /// # Errors
    ///
    /// If the rebuild fails.
    pub fn ready(&self, system: &System) -> Result<Ready> {
        let (key, rebuild) = match &self.tree {
            Tree::Own(path) => return Ok(Ready::Own(path.clone())),
            Tree::Kept(key) => (key.clone(), None),
            Tree::Rebuild(rebuild) if self.bindings == Bindings::Whole => {
                (rebuild.key.clone(), Some(rebuild))
            }
            Tree::Rebuild(rebuild) => (rebuild.key.lean(), Some(rebuild)),
        };
        let cache = Cache::open(system)?;
        let bindings = match key.is_lean() {
            true => self.bindings.clone(),
            false => Bindings::Whole,
        };
        let mut failed = false;
        let tree = cache.get_or_make(&self.release, &key, |tree| {
            let made = match rebuild {
                Some(rebuild) => rebuild::run(rebuild, &bindings, tree),
                // What is kept has turned out to be damaged: all else must be there to mend it.
                None => rebuild::run(&self.anew(system)?, &bindings, tree),
            };
            failed = made.is_err();
            made
        });
        if let (Err(error), true, true) = (&tree, failed, key.is_lean()) {
            eprintln!(
                "dkms-rust: {}: not with lean bindings: {error:#}",
                self.release
            );
            return Self::with(system, &self.release, Bindings::Whole)?.ready(system);
        }
        let tree = tree?;
        if let Err(error) = cache.drop_stale(system) {
            eprintln!("dkms-rust: could not drop the trees of kernels that are gone: {error:#}");
        }
        Ok(match key.is_lean() {
            true => Ready::Lean(tree),
            false => Ready::Kept(tree),
        })
    }

    /// What a rebuild needs, where something is kept.
    fn anew(&self, system: &System) -> Result<Rebuild> {
        match Self::looking(system, &self.release, self.bindings.clone(), |_| None)?.tree {
            Tree::Rebuild(rebuild) => Ok(*rebuild),
            _ => anyhow::bail!("what is needed for a rebuild changed meanwhile: run it again"),
        }
    }
}

fn rebuild_of(
    system: &System,
    kernel: Kernel,
    class: Class,
    rustc: &Rustc,
    bindgen: Bindgen,
    key: Key,
) -> Result<Rebuild, Refusal> {
    let source = LinuxSource::of(system, &kernel)?;
    rustc.library(&kernel)?;
    room(&kernel, &system.cache())?;
    Ok(Rebuild {
        source,
        rustc: rustc.clone(),
        bindgen,
        key,
        kernel,
        class,
    })
}

/// Refuses kernels whose crates can't be had from their source.
fn can_be_rebuilt(kernel: &Kernel, class: Class) -> Result<(), Refusal> {
    let release = &kernel.release;
    if class == Class::Metadata {
        return Ok(());
    }
    if release.series().is_none_or(|series| series < OLDEST) {
        let why = format!(
            "it is older than {}.{}, the oldest with what Rust modules need",
            OLDEST.0, OLDEST.1
        );
        return Err(Refusal::final_(release, why));
    }
    // Where Rust is on, its Kconfig has seen to these.
    for option in ["CFI_CLANG", "CFI", "KASAN_SW_TAGS"] {
        if class == Class::NoRust && kernel.config.is_on(option) {
            let why = format!(
                "it has no Rust and is built with CONFIG_{option}, under which code from Rust \
                 would have to be built as the kernel was"
            );
            return Err(Refusal::final_(release, why));
        }
    }
    Ok(())
}

/// What a rebuilt tree depends on. Not linux-source: its version has to be that of the headers.
fn key(system: &System, kernel: &Kernel, rustc: &Rustc) -> Result<(Bindgen, Key), Refusal> {
    let bindgen = Bindgen::of(kernel)?;
    let headers = dpkg::source_version(system, &format!("linux-headers-{}", kernel.release));
    let key = Key::new(&[
        ("headers", headers.as_deref().unwrap_or("")),
        ("build tree", &kernel.build.display().to_string()),
        (
            "configuration",
            &std::fs::read_to_string(kernel.build.join(".config")).unwrap_or_default(),
        ),
        ("rustc", &rustc.version),
        ("rustc's path", &rustc.path.display().to_string()),
        ("bindgen", &bindgen.version),
    ]);
    Ok((bindgen, key))
}

/// Refuses if the C compiler that built the kernel is missing.
fn compiler(kernel: &Kernel) -> Result<(), Refusal> {
    let Some(name) = kernel.compiler() else {
        return Ok(());
    };
    if answer(Command::new(name).arg("--version")).is_some() {
        return Ok(());
    }
    let package = name
        .rsplit_once("gnu-")
        .map_or(name, |(_, package)| package);
    let why = format!("it was built by {name}, which is not installed");
    Err(Refusal::new(
        &kernel.release,
        why,
        format!("apt install {package}"),
    ))
}

/// Refuses if the disk is too full for a rebuild.
fn room(kernel: &Kernel, cache: &Path) -> Result<(), Refusal> {
    let there = cache
        .ancestors()
        .find(|folder| folder.exists())
        .unwrap_or(cache);
    let Ok(disk) = rustix::fs::statvfs(there) else {
        return Ok(());
    };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    if free >= ROOM {
        return Ok(());
    }
    let why = format!(
        "rebuilding its Rust metadata takes {} MB in {}, where {} MB are free",
        ROOM >> 20,
        there.display(),
        free >> 20
    );
    Err(Refusal::new(
        &kernel.release,
        why,
        "make room there (apt clean, dkms-rust clean)",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::tests::install;

    fn refusal(release: &str, config: &str) -> Option<String> {
        let root = tempfile::tempdir().unwrap();
        install(root.path(), release, config);
        let kernel = Kernel::find(&System::below(root.path()), &release.parse().unwrap()).unwrap();
        let class = Class::of(&kernel).unwrap();
        let refused = can_be_rebuilt(&kernel, class).err()?;
        Some(refused.reason)
    }

    #[test]
    fn a_kernel_that_is_too_old_is_refused() {
        let why = refusal("6.1.0-44-amd64", "").unwrap();
        assert!(why.contains("older than 6.12"), "{why}");
        assert!(refusal("6.11.10-amd64", "CONFIG_RUST=y\n").is_some());
        assert_eq!(refusal("6.12.107+deb13-amd64", ""), None);
    }

    #[test]
    fn without_rust_a_kernel_whose_calls_are_checked_is_refused() {
        let why = refusal("6.12.107+deb13-amd64", "CONFIG_CFI_CLANG=y\n").unwrap();
        assert!(why.contains("CONFIG_CFI_CLANG"), "{why}");
        // With Rust, the kernel's own configuration has seen to it.
        let config = "CONFIG_RUST=y\nCONFIG_CFI_CLANG=y\n";
        assert_eq!(refusal("7.3.4+deb13-amd64", config), None);
    }
}
