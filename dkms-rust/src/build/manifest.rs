// SPDX-License-Identifier: GPL-2.0-only

//! The manifest of a build tree: its inputs, and every file in it. It tells whether the tree is as it
//! was made.

use crate::build::inputs::Inputs;
use crate::system::below::below;
use crate::system::bounded;
use crate::system::trusted::trusted;
use anyhow::{Context, Result, bail};
use rustix::fs::FileType;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// The name of the manifest in a tree.
pub const MANIFEST: &str = "dkms-rust.json";

/// The expected type and content of a file in a tree.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Is {
    /// A file with this digest.
    File(String),
    /// A link to this target.
    Link(PathBuf),
}

/// The files of a tree, by their paths in it.
pub type ListedFiles = BTreeMap<PathBuf, Is>;

/// The inputs of a tree, and the files in it.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Manifest {
    /// What the tree was made of.
    pub inputs: Inputs,
    /// What is in it, except this manifest.
    pub files: ListedFiles,
}

impl Manifest {
    /// Reads the manifest of a tree.
    ///
    /// # Errors
    ///
    /// Returns an error if it is missing or damaged, or others could have changed it.
    pub fn read(tree: &Path) -> Result<Self> {
        let file = tree.join(MANIFEST);
        trusted(&file).context("it has no manifest")?;
        let text = bounded::read(&file, bounded::TEXT)?;
        serde_json::from_slice(&text).context("its manifest is damaged")
    }
}

/// Lists a tree without its manifest.
///
/// # Errors
///
/// Returns an error if something in it can't be read, or others could have changed it.
pub fn list(tree: &Path) -> Result<ListedFiles> {
    trusted(tree)?;
    let mut files = ListedFiles::new();
    below(tree, &mut |path, stat| {
        let is = match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => {
                trusted(&path)?;
                return Ok(true);
            }
            FileType::Symlink => {
                let target = fs::read_link(&path);
                Is::Link(target.with_context(|| path.display().to_string())?)
            }
            FileType::RegularFile => {
                trusted(&path)?;
                Is::File(digest(&path)?)
            }
            _ => bail!("{} is not a file", path.display()),
        };
        files.insert(path.strip_prefix(tree)?.to_owned(), is);
        Ok(true)
    })?;
    files.remove(Path::new(MANIFEST));
    Ok(files)
}

/// Checks that a tree matches its manifest.
///
/// # Errors
///
/// Returns an error that says what differs.
pub fn verify(tree: &Path) -> Result<()> {
    let expected = Manifest::read(tree)?.files;
    let found = list(tree)?;
    if expected == found {
        return Ok(());
    }
    let differs = |name: &&PathBuf| expected.get(*name) != found.get(*name);
    match expected.keys().chain(found.keys()).find(differs) {
        Some(name) => bail!("{} has changed since it was made", name.display()),
        None => Ok(()),
    }
}

/// Returns the digest of a file.
///
/// # Errors
///
/// Returns an error if the file can't be read.
pub fn digest(path: &Path) -> Result<String> {
    let mut hash = blake3::Hasher::new();
    File::open(path)
        .and_then(|file| hash.update_reader(file).map(drop))
        .with_context(|| format!("can't read {}", path.display()))?;
    Ok(hash.finalize().to_hex().to_string())
}
