// SPDX-License-Identifier: GPL-2.0-only

//! What is kept of rebuilds: `<cache>/<release>/<key>`, a build tree each.
//!
//! A tree is made under another name and renamed when it is whole, so that whatever kills a
//! rebuild leaves no half of one. A lock a kernel keeps two builders from doing the work twice,
//! and a tree from going while a module is built with it. A manifest of every file says whether a
//! tree is still as it was made. A kernel has one tree, so the cache is bounded by the kernels.
//! Large files that several trees have (`core`, since the same rustc makes the same) are hard
//! links to one.

use crate::kernel::release::Release;
use crate::system::System;
use crate::system::trusted::trusted;
use anyhow::{Context, Result, bail, ensure};
use rustix::fs::FlockOperation;
use rustix::io::FdFlags;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

const MANIFEST: &str = "dkms-rust.json";
const LOCK: &str = ".lock";
const UNFINISHED: &str = ".new-";
const SHARED: u64 = 64 << 10; // what is smaller is not worth a look

/// Names a tree by all that went into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// The key of a tree with these inputs, each a name and a value; this program's version
    /// counts too, and between versions how it makes trees.
    pub fn new(inputs: &[(&str, &str)]) -> Self {
        let own = [("dkms-rust", env!("CARGO_PKG_VERSION"))];
        let mut hash = blake3::Hasher::new();
        for (name, value) in inputs.iter().chain(&own) {
            for part in [name, value] {
                hash.update(&(part.len() as u64).to_le_bytes());
                hash.update(part.as_bytes());
            }
        }
        Self(hash.finalize().to_hex()[..24].to_owned())
    }
}

/// The cache's folder.
#[derive(Debug)]
pub struct Cache {
    dir: PathBuf,
}

/// A tree in the cache, which stays there as long as this does.
#[derive(Debug)]
pub struct Kept {
    /// The tree's folder.
    pub path: PathBuf,
    _lock: File,
}

impl Cache {
    /// Opens the cache, making it if it is not there.
    ///
    /// # Errors
    ///
    /// If it can't be made, or others than root could have written to it.
    pub fn open(system: &System) -> Result<Self> {
        let dir = system.cache();
        make_folder(&dir)?;
        Ok(Self { dir })
    }

    /// Whether a tree is there, without looking whether it is whole.
    pub fn has(system: &System, release: &Release, key: &Key) -> bool {
        let tree = system.cache().join(release.as_str()).join(&key.0);
        tree.join(MANIFEST).is_file()
    }

    /// The tree under this key. `make` fills an empty folder if there is none, or if the one that
    /// there is has been damaged.
    ///
    /// # Errors
    ///
    /// Those of `make`, or if the cache can't be written.
    pub fn get_or_make(
        &self,
        release: &Release,
        key: &Key,
        make: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<Kept> {
        let folder = self.dir.join(release.as_str());
        make_folder(&folder)?;
        let path = folder.join(&key.0);

        let lock = lock(&folder, FlockOperation::LockShared, release)?;
        if verify(&path).is_ok() {
            return Ok(Kept { path, _lock: lock });
        }
        drop(lock);

        let lock = self::lock(&folder, FlockOperation::LockExclusive, release)?;
        if let Err(why) = verify(&path) {
            if path.symlink_metadata().is_ok() {
                eprintln!(
                    "dkms-rust: {release}: the kept build tree is damaged ({why:#}): making it anew"
                );
            }
            empty(&folder)?;
            let new = folder.join(format!("{UNFINISHED}{}", std::process::id()));
            let made = fill(&new, make).and_then(|manifest| {
                share(&self.dir, &new, &manifest);
                fs::rename(&new, &path).with_context(|| format!("can't make {}", path.display()))
            });
            if made.is_err() {
                fs::remove_dir_all(&new).ok();
            }
            made?;
        }
        rustix::fs::flock(&lock, FlockOperation::LockShared)?;
        Ok(Kept { path, _lock: lock })
    }

    /// Drops the trees of kernels that are gone.
    ///
    /// # Errors
    ///
    /// If a tree can't be removed.
    pub fn drop_stale(&self, system: &System) -> Result<()> {
        for release in self.releases()? {
            let build = system.modules().join(release.as_str()).join("build");
            if build.symlink_metadata().is_err() {
                self.drop_release(&release)?;
            }
        }
        Ok(())
    }

    /// Drops what is kept for a kernel.
    ///
    /// # Errors
    ///
    /// If it can't be removed.
    pub fn drop_release(&self, release: &Release) -> Result<()> {
        let folder = self.dir.join(release.as_str());
        if folder.symlink_metadata().is_err() {
            return Ok(());
        }
        trusted(&folder)?;
        let _lock = lock(&folder, FlockOperation::LockExclusive, release)?;
        fs::remove_dir_all(&folder).with_context(|| format!("can't remove {}", folder.display()))
    }

    /// The kernels for which something is kept.
    ///
    /// # Errors
    ///
    /// If the cache can't be read.
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

/// Fills the folder `new` and writes its manifest.
fn fill(new: &Path, make: impl FnOnce(&Path) -> Result<()>) -> Result<Manifest> {
    DirBuilder::new().mode(0o755).create(new).with_context(|| {
        format!(
            "can't make {} (dkms-rust has to be root to rebuild metadata)",
            new.display()
        )
    })?;
    make(new)?;
    let manifest = list(new)?;
    fs::write(new.join(MANIFEST), serde_json::to_vec(&manifest)?)
        .context("can't write the manifest")?;
    Ok(manifest)
}

/// Makes large files of the tree `new` that other kernels' trees have too hard links to those.
/// What can't be shared, for whatever reason, stays as it is.
fn share(cache: &Path, new: &Path, manifest: &Manifest) {
    let folders = |folder: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect()
    };
    for tree in folders(cache).iter().flat_map(|kernel| folders(kernel)) {
        let text = fs::read(tree.join(MANIFEST)).unwrap_or_default();
        let other: Manifest = serde_json::from_slice(&text).unwrap_or_default();
        for (name, is) in manifest {
            if let (Is::File(digest), true) = (is, other.get(name) == Some(is)) {
                share_file(&new.join(name), &tree.join(name), digest).ok();
            }
        }
    }
}

/// Makes `mine` a link to `theirs`, if that is large, and what its manifest says that it is.
fn share_file(mine: &Path, theirs: &Path, digest: &str) -> Result<()> {
    let (my, their) = (trusted(mine)?, trusted(theirs)?);
    let same = my.ino() == their.ino(); // then a rename would leave both names
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

/// Makes `folder` for root alone to write to, or checks that it is so.
fn make_folder(folder: &Path) -> Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o755).create(folder);
    made.with_context(|| format!("can't make {} (are you root?)", folder.display()))?;
    trusted(folder).context("the cache can't be trusted")?;
    Ok(())
}

fn lock(folder: &Path, operation: FlockOperation, release: &Release) -> Result<File> {
    let path = folder.join(LOCK);
    let made = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path);
    let file = made.or_else(|_| File::open(&path));
    let file = file.with_context(|| {
        format!(
            "can't open {} (dkms-rust has to be root to rebuild metadata)",
            path.display()
        )
    })?;
    let at_once = match operation {
        FlockOperation::LockShared => FlockOperation::NonBlockingLockShared,
        _ => FlockOperation::NonBlockingLockExclusive,
    };
    if rustix::fs::flock(&file, at_once).is_err() {
        eprintln!("dkms-rust: {release}: waiting for another dkms-rust that works on this kernel");
        rustix::fs::flock(&file, operation).context("can't lock the cache")?;
    }
    // Children hold the lock too: if this process is killed, the compilers that it leaves still
    // write, and the next builder waits until they are done.
    rustix::io::fcntl_setfd(&file, FdFlags::empty())?;
    Ok(file)
}

/// Removes all trees of a kernel, whole and unfinished.
fn empty(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_name() == LOCK {
            continue;
        }
        let removed = if entry.file_type()?.is_dir() {
            fs::remove_dir_all(&path)
        } else {
            fs::remove_file(&path)
        };
        removed.with_context(|| format!("can't remove {}", path.display()))?;
    }
    Ok(())
}

/// What a file in a tree has to be.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Is {
    File(String),
    Link(PathBuf),
}

type Manifest = BTreeMap<PathBuf, Is>;

/// Lists a tree but for its manifest.
fn list(tree: &Path) -> Result<Manifest> {
    let mut manifest = Manifest::new();
    list_below(tree, Path::new(""), &mut manifest)?;
    manifest.remove(Path::new(MANIFEST));
    Ok(manifest)
}

fn list_below(tree: &Path, folder: &Path, manifest: &mut Manifest) -> Result<()> {
    trusted(&tree.join(folder))?;
    for entry in fs::read_dir(tree.join(folder))? {
        let entry = entry?;
        let name = folder.join(entry.file_name());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            list_below(tree, &name, manifest)?;
        } else if kind.is_symlink() {
            let target = fs::read_link(entry.path())?;
            manifest.insert(name, Is::Link(target));
        } else {
            let meta = trusted(&entry.path())?;
            ensure!(meta.is_file(), "{} is not a file", name.display());
            manifest.insert(name, Is::File(digest(&entry.path())?));
        }
    }
    Ok(())
}

/// Checks that a tree is as its manifest says.
fn verify(tree: &Path) -> Result<()> {
    let text = fs::read(tree.join(MANIFEST)).context("it has no manifest")?;
    trusted(&tree.join(MANIFEST))?;
    let expected: Manifest = serde_json::from_slice(&text).context("its manifest is damaged")?;
    let found = list(tree)?;
    if expected == found {
        return Ok(());
    }
    let differs = |name: &&PathBuf| expected.get(*name) != found.get(*name);
    match expected.keys().chain(found.keys()).find(differs) {
        Some(name) => bail!("{} is not as it was made", name.display()),
        None => Ok(()),
    }
}

fn digest(path: &Path) -> Result<String> {
    let mut hash = blake3::Hasher::new();
    File::open(path)
        .and_then(|file| hash.update_reader(file).map(drop))
        .with_context(|| format!("can't read {}", path.display()))?;
    Ok(hash.finalize().to_hex().to_string())
}

#[cfg(test)]
#[path = "cache_tests.rs"]
mod tests;
