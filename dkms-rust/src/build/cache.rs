// SPDX-License-Identifier: GPL-2.0-only

//! Keeps the results of rebuilds. Each is a build tree, `<cache>/<release>/<key>`.
//!
//! A tree is made under a temporary name and renamed when it is complete, so a killed rebuild never
//! leaves half a tree. One [`lock`] per kernel prevents two processes from building the same tree,
//! and keeps a tree in place while a module is built with it. A manifest lists every file and the
//! inputs, and so tells whether a tree is unchanged and still right. The number of kernels limits
//! the size of the cache, because each kernel has only one tree. The old tree is removed when the
//! new one is in its place.
//!
//! Large files that are the same in several trees are hard links to one file. An example is `core`:
//! the same rustc always makes the same file.

use crate::build::inputs::Inputs;
use crate::build::lock::{self, For, Lock};
use crate::build::manifest::{Is, ListedFiles, MANIFEST, Manifest, digest, list, verify};
use crate::kernel::release::Release;
use crate::system::print::tell;
use crate::system::trusted::{is_root, trusted, trusted_path};
use crate::system::{System, names_in};
use anyhow::{Context, Result};
use rustix::io::Errno;
use std::fs::{self, DirBuilder};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

const UNFINISHED: &str = ".new-";
const SHARED: u64 = 64 << 10; // sharing smaller files is not worth it

/// The cache's directory.
#[derive(Debug)]
pub struct Cache {
    dir: PathBuf,
}

/// A tree in the cache. It can't be removed while this value exists.
#[derive(Debug)]
pub struct CachedTree {
    /// The tree's directory.
    pub path: PathBuf,
    /// `None` if a user can't take root's lock.
    _lock: Option<Lock>,
}

impl Cache {
    /// Opens the cache, and creates it if it does not exist.
    ///
    /// # Errors
    ///
    /// Returns an error if the cache can't be created, or users other than root could have written
    /// to it.
    pub fn open(system: &System) -> Result<Self> {
        let dir = system.cache();
        make_folder(&dir)?;
        Ok(Self { dir })
    }

    /// Returns the full inputs of the kernel's tree if it agrees with these inputs. Does not check
    /// that the tree is undamaged.
    pub fn find(system: &System, release: &Release, inputs: &Inputs) -> Option<Inputs> {
        let folder = system.cache().join(release.as_str());
        let of = |name: &String| Some(Manifest::read(&folder.join(name)).ok()?.inputs);
        let mut all = names_in(&folder)
            .into_iter()
            .filter(|name| !name.starts_with('.'));
        all.find_map(|name| of(&name).filter(|found| found.name() == name && found.agree(inputs)))
    }

    /// Returns the tree with these inputs. If there is none, or it is damaged, `make` fills an
    /// empty directory.
    ///
    /// # Errors
    ///
    /// Returns the error of `make`, or an error if the cache can't be written.
    pub fn get_or_make(
        &self,
        release: &Release,
        inputs: &Inputs,
        make: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<CachedTree> {
        let folder = self.dir.join(release.as_str());
        let path = folder.join(inputs.name());
        let mut make = Some(make);
        loop {
            make_folder(&folder)?;
            let lock = match Lock::take(&folder, For::Use, release) {
                Ok(Some(lock)) => lock,
                Ok(None) => continue,
                // A user can still use a tree that root made.
                Err(error) => return without_lock(path, error),
            };
            if verify(&path).is_ok() {
                let _lock = Some(lock);
                return Ok(CachedTree { path, _lock });
            }
            drop(lock);

            let Some(lock) = Lock::take(&folder, For::Change, release)? else {
                continue;
            };
            if let Err(why) = verify(&path) {
                if path.symlink_metadata().is_ok() {
                    tell(format_args!(
                        "{release}: the build tree in the cache is damaged ({why:#}); \
                         making it again"
                    ));
                }
                let make = make
                    .take()
                    .context("another process replaced the build tree in the meantime; run the command again")?;
                lock.inherited(true)?;
                let made = self.replace_tree(&folder, &path, inputs, make);
                lock.inherited(false)?;
                made?;
            }
            if lock.downgrade(release)? && path.join(MANIFEST).exists() {
                let _lock = Some(lock);
                return Ok(CachedTree { path, _lock });
            }
        }
    }

    /// Makes a tree, and removes everything else that is kept for the kernel.
    fn replace_tree(
        &self,
        folder: &Path,
        path: &Path,
        inputs: &Inputs,
        make: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<()> {
        // An unfinished tree is worthless. A finished one stays until the new one is in its place,
        // because there is nothing else to use.
        remove(folder, |name| name.starts_with(UNFINISHED))?;
        let new = folder.join(format!("{UNFINISHED}{}", std::process::id()));
        let made = fill(&new, inputs, make).and_then(|manifest| {
            share(&self.dir, &new, &manifest.files);
            replace(&new, path)
        });
        if made.is_err() {
            fs::remove_dir_all(&new).ok();
        }
        made?;
        remove(folder, |name| {
            name != lock::NAME && Some(name) != path.file_name().and_then(|name| name.to_str())
        })
    }

    /// Removes everything that is kept for a kernel.
    ///
    /// # Errors
    ///
    /// Returns an error if something can't be removed.
    pub fn drop_release(&self, release: &Release) -> Result<()> {
        let folder = self.dir.join(release.as_str());
        while folder.symlink_metadata().is_ok() {
            trusted(&folder)?;
            if let Some(_lock) = Lock::take(&folder, For::Change, release)? {
                fs::remove_dir_all(&folder)
                    .with_context(|| format!("can't remove {}", folder.display()))?;
            }
        }
        Ok(())
    }

    /// Lists the kernels for which something is kept.
    ///
    /// # Errors
    ///
    /// Returns an error if the cache can't be read.
    pub fn releases(&self) -> Result<Vec<Release>> {
        let mut releases = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            releases.extend(
                entry?
                    .file_name()
                    .to_str()
                    .and_then(|name| name.parse().ok()),
            );
        }
        Ok(releases)
    }
}

/// Moves `new` to `path`, and removes what was there before.
fn replace(new: &Path, path: &Path) -> Result<()> {
    let failed = || format!("can't create {}", path.display());
    if path.symlink_metadata().is_ok() {
        fs::remove_dir_all(path).with_context(failed)?;
    }
    fs::rename(new, path).with_context(failed)
}

/// Fills the directory `new` and writes its manifest.
fn fill(new: &Path, inputs: &Inputs, make: impl FnOnce(&Path) -> Result<()>) -> Result<Manifest> {
    DirBuilder::new().mode(0o755).create(new).with_context(|| {
        format!(
            "can't create {} (only root can rebuild metadata)",
            new.display()
        )
    })?;
    make(new)?;
    let manifest = Manifest {
        inputs: inputs.clone(),
        files: list(new)?,
    };
    fs::write(new.join(MANIFEST), serde_json::to_vec(&manifest)?)
        .context("can't write the manifest")?;
    Ok(manifest)
}

/// Replaces large files of the tree `new` by hard links to the same files in other kernels' trees.
/// A file that can't be shared, for whatever reason, stays as it is.
fn share(cache: &Path, new: &Path, files: &ListedFiles) {
    let folders = |folder: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect()
    };
    for tree in folders(cache).iter().flat_map(|kernel| folders(kernel)) {
        let other = Manifest::read(&tree).unwrap_or_default().files;
        for (name, is) in files {
            if let (Is::File(digest), true) = (is, other.get(name) == Some(is)) {
                share_file(&new.join(name), &tree.join(name), digest).ok();
            }
        }
    }
}

/// Makes `mine` a link to `theirs` if the file is large and still has the digest in its manifest.
fn share_file(mine: &Path, theirs: &Path, digest: &str) -> Result<()> {
    let (my, their) = (trusted(mine)?, trusted(theirs)?);
    // rename() does nothing if both names already are the same inode; `link` would be left behind.
    let same = my.ino() == their.ino();
    if my.len() < SHARED || same || self::digest(theirs)? != digest {
        return Ok(());
    }
    let link = mine.with_extension("shared");
    fs::hard_link(theirs, &link)?;
    let renamed = fs::rename(&link, mine);
    if renamed.is_err() {
        fs::remove_file(&link)?;
    }
    Ok(renamed?)
}

/// Creates `folder` so that only root can write to it, or checks this if it exists.
fn make_folder(folder: &Path) -> Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o755).create(folder);
    made.with_context(|| format!("can't create {} (are you root?)", folder.display()))?;
    let checked = trusted(folder).and_then(|_| trusted_path(folder));
    checked.context("the cache can't be trusted")?;
    Ok(())
}

/// Returns the tree for a user who can't take root's lock, or if the cache is on a read-only file
/// system. If root replaces the tree during a user's build, the build fails.
fn without_lock(path: PathBuf, error: anyhow::Error) -> Result<CachedTree> {
    let read_only = error.downcast_ref() == Some(&Errno::ROFS);
    if (read_only || !is_root()) && verify(&path).is_ok() {
        return Ok(CachedTree { path, _lock: None });
    }
    Err(error)
}

/// Removes the entries of a kernel's directory for whose names `goes` returns true.
fn remove(folder: &Path, goes: impl Fn(&str) -> bool) -> Result<()> {
    for name in names_in(folder).iter().filter(|name| goes(name)) {
        let path = folder.join(name);
        let removed = if path.symlink_metadata()?.is_dir() {
            fs::remove_dir_all(&path)
        } else {
            fs::remove_file(&path)
        };
        removed.with_context(|| format!("can't remove {}", path.display()))?;
    }
    Ok(())
}

#[cfg(test)]
#[path = "cache_tests.rs"]
mod tests;
