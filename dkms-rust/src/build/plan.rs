// SPDX-License-Identifier: GPL-2.0-only

//! What will be done for a kernel; or, as a [`Refusal`], why nothing can be.

use crate::build::cache::{Cache, Kept, Key};
use crate::build::rebuild::{self, RECIPE, Rebuild};
use crate::kernel::class::Class;
use crate::kernel::headers::Kernel;
use crate::kernel::refusal::Refusal;
use crate::kernel::release::Release;
use crate::source::linux_source::LinuxSource;
use crate::system::System;
use crate::system::dpkg;
use crate::toolchain::{Bindgen, Rustc, compiler};
use anyhow::Result;
use std::path::{Path, PathBuf};

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

impl Tree {
    /// Where it comes from, in a word.
    pub fn origin(&self) -> &'static str {
        match self {
            Self::Own(_) => "own",
            Self::Kept(_) => "kept",
            Self::Rebuild(_) => "to rebuild",
        }
    }
}

/// A build tree that is ready to build modules.
#[derive(Debug)]
pub enum Ready {
    /// The kernel's own.
    Own(PathBuf),
    /// One in the cache.
    Kept(Kept),
}

impl Ready {
    /// Where it is.
    pub fn path(&self) -> &Path {
        match self {
            Self::Own(path) => path,
            Self::Kept(kept) => &kept.path,
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
        Self::looking(system, release, |key| Cache::has(system, release, key))
    }

    /// The same, where `kept` says whether there is a tree under the key.
    fn looking(
        system: &System,
        release: &Release,
        kept: impl FnOnce(&Key) -> bool,
    ) -> Result<Self, Refusal> {
        let kernel = Kernel::find(system, release)?;
        let class = Class::of(&kernel)?;
        can_be_rebuilt(&kernel, class)?;
        let rustc = Rustc::of(&kernel, class)?;
        compiler::check(&kernel)?;
        let llvm = kernel.built_by_clang();
        let tree = if class == Class::Metadata {
            Tree::Own(kernel.build)
        } else {
            let (bindgen, key) = key(system, &kernel, &rustc)?;
            if kept(&key) {
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
            Tree::Kept(key) => (key, None),
            Tree::Rebuild(rebuild) => (&rebuild.key, Some(rebuild)),
        };
        let cache = Cache::open(system)?;
        let tree = cache.get_or_make(&self.release, key, |tree| match rebuild {
            Some(rebuild) => rebuild::run(rebuild, tree),
            // What is kept has turned out to be damaged: all else must be there to mend it.
            None => rebuild::run(&self.anew(system)?, tree),
        })?;
        if let Err(error) = cache.drop_stale(system) {
            eprintln!("dkms-rust: could not drop the trees of kernels that are gone: {error:#}");
        }
        Ok(Ready::Kept(tree))
    }

    /// What a rebuild needs, where something is kept.
    fn anew(&self, system: &System) -> Result<Rebuild> {
        match Self::looking(system, &self.release, |_| false)?.tree {
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
        ("recipe", RECIPE),
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
    use crate::kernel::headers::tests::make_installed;

    fn refusal(release: &str, config: &str) -> Option<String> {
        let root = tempfile::tempdir().unwrap();
        make_installed(root.path(), release, config);
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
