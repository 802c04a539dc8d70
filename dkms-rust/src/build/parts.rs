// SPDX-License-Identifier: GPL-2.0-only

//! Copies crates from one kernel's tree to the next if they would come out the same.
//!
//! `core`, the procedural macros and their dependencies depend only on rustc, the flags, their
//! source, and the few options of the kernel's configuration that they name. The crates that bindgen
//! writes are never the same for two kernels: `bindings` and `uapi` have a constant for each option,
//! and for each macro of all headers.
//!
//! Each tree has a directory [`FOLDER`], which contains a directory for each such crate. Its name
//! is a digest of rustc and its arguments. It contains the files that rustc wrote (hard links to
//! those in the tree), and what they depend on: digests of all files that rustc read, the options,
//! and the environment variables. So all of this is removed together with the tree. Files that
//! several trees share are on the disk only once, like everywhere in the cache.
//!
//! If anything goes wrong here, the crate is compiled.

use crate::build::depinfo::{sources, variables};
use crate::build::manifest::digest;
use crate::system::names_in;
use crate::system::trusted::{is_root, trusted_path};
use crate::toolchain::identity;
use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

/// The directory of the kept crates in a tree.
pub const FOLDER: &str = "rust/parts";

/// The environment variable with the cache's directory.
pub const CACHE: &str = "DKMS_RUST_PARTS";

/// With this option, which kbuild sets, rustc also lists the compiled crates that it read.
const NAMES_CRATES: &str = "-Zbinary_dep_depinfo=y";

/// The name of the file with the kernel's configuration, as kbuild passes it to rustc.
const CONFIGURATION: &str = "rustc_cfg";

const INFO: &str = "about.json";

/// The prefix of the kernel's options.
const OPTION: &str = "CONFIG_";

/// A crate that can be kept.
#[derive(Debug)]
pub struct Part {
    tree: PathBuf,
    key: String,
    arguments: Arguments,
}

/// The files that rustc wrote, and everything that they depend on.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct PartInfo {
    /// The files that rustc read, with their digests. Paths are relative to the tree, or absolute.
    read: BTreeMap<PathBuf, String>,
    /// The kernel options that these files name, with their lines in the configuration.
    options: BTreeMap<String, String>,
    /// The environment variables that the crate uses.
    variables: BTreeMap<String, Option<String>>,
    /// The files that rustc wrote, with their digests. Paths are relative to the tree.
    made: BTreeMap<PathBuf, String>,
}

impl Part {
    /// Returns the crate that `rustc` makes in `tree` with these arguments, or `None` if it makes
    /// nothing.
    pub fn of(rustc: &Path, args: &[OsString], tree: &Path) -> Option<Self> {
        let arguments = Arguments::of(args);
        if arguments.made.is_empty() || !arguments.names_crates {
            return None;
        }
        let mut hash = blake3::Hasher::new();
        let mut add = |bytes: &[u8]| {
            hash.update(&(bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        };
        add(identity::of_program(rustc).as_bytes());
        let place = tree.to_str()?;
        for arg in args {
            let text = arg.to_str()?;
            add(text.replace(place, "").as_bytes());
            // rustc does not list the target's description and argument files among the files that
            // it read, so hash their contents here.
            let file = text.rsplit(['=', '@']).next().unwrap_or(text);
            let read = tree.join(file);
            let is_read = !text.starts_with("--emit=") && !is_configuration(&read);
            if is_read && read.is_file() {
                add(&fs::read(read).ok()?);
            }
        }
        let key = hash.finalize().to_hex()[..24].to_owned();
        Some(Self {
            tree: tree.to_owned(),
            key,
            arguments,
        })
    }

    /// Copies the crate from another tree in the `cache`. Returns `false` if no tree has it.
    pub fn take(&self, cache: &Path) -> bool {
        let trees = names_in(cache)
            .into_iter()
            .map(|release| cache.join(release))
            .flat_map(|kernel| {
                names_in(&kernel)
                    .into_iter()
                    .map(move |key| kernel.join(key))
            })
            .filter(|tree| *tree != self.tree);
        let mut folders = trees.map(|tree| tree.join(FOLDER).join(&self.key));
        folders.any(|folder| folder.is_dir() && self.take_from(&folder).is_ok())
    }

    fn take_from(&self, folder: &Path) -> Result<()> {
        let info = folder.join(INFO);
        if is_root() {
            trusted_path(&info)?;
        }
        let info: PartInfo = serde_json::from_slice(&fs::read(info)?)?;
        ensure!(self.is_of(&info)?, "it was made of something else");
        let made: BTreeSet<&PathBuf> = info.made.keys().collect();
        ensure!(
            made.is_subset(&self.arguments.made.iter().collect()),
            "something else came out"
        );
        for (number, (path, is)) in info.made.iter().enumerate() {
            let to = self.tree.join(path);
            fs::copy(folder.join(number.to_string()), &to)?;
            ensure!(digest(&to)? == *is, "it is damaged");
        }
        // kbuild needs at least one file here. One is enough, because the tree is never built
        // again.
        let (depinfo, read) = (self.arguments.depinfo(&self.tree), info.read.keys().next());
        let (depinfo, read) = depinfo.zip(read).context("nothing was read")?;
        fs::write(depinfo, format!("made: {}\n", read.display()))?;
        self.write(&info)
    }

    /// Keeps the crate that was just made. Failing to do so is not an error.
    pub fn keep(&self) {
        if self.info().and_then(|info| self.write(&info)).is_err() {
            fs::remove_dir_all(self.folder()).ok();
        }
    }

    fn folder(&self) -> PathBuf {
        self.tree.join(FOLDER).join(&self.key)
    }

    fn write(&self, info: &PartInfo) -> Result<()> {
        let folder = self.folder();
        fs::create_dir_all(&folder)?;
        for (number, path) in info.made.keys().enumerate() {
            fs::hard_link(self.tree.join(path), folder.join(number.to_string()))?;
        }
        Ok(fs::write(folder.join(INFO), serde_json::to_vec(info)?)?)
    }

    /// Describes the crate that was just made.
    fn info(&self) -> Result<PartInfo> {
        let depinfo = self.arguments.depinfo(&self.tree);
        let depinfo = fs::read_to_string(depinfo.context("no --emit=dep-info")?)?;
        let mut read = BTreeMap::new();
        let mut named = BTreeSet::new();
        for path in sources(&depinfo) {
            let inside = path.strip_prefix(&self.tree).unwrap_or(&path);
            let file = self.tree.join(inside);
            if file.extension().is_some_and(|end| end == "rs") {
                let text = fs::read_to_string(&file)?;
                named.extend(words_after(&text, OPTION).map(|rest| format!("{OPTION}{rest}")));
            }
            read.insert(inside.to_owned(), digest(&file)?);
        }
        // Macros may use options that the crate itself does not name, so it depends on all of them.
        let macros = |path: &PathBuf| path.is_relative() && path.extension() == Some("so".as_ref());
        if let (true, Some(file)) = (read.keys().any(macros), &self.arguments.configuration) {
            read.insert(file.clone(), digest(&self.tree.join(file))?);
        }
        let configuration = self.configuration()?;
        let of = |name: String| {
            let lines = configuration.get(&name).cloned().unwrap_or_default();
            (name, lines)
        };
        let existing = self.arguments.made.iter();
        let existing = existing.filter(|path| self.tree.join(path).is_file());
        Ok(PartInfo {
            read,
            options: named.into_iter().map(of).collect(),
            variables: variables(&self.without_place(&depinfo)),
            made: existing
                .map(|path| Ok((path.clone(), digest(&self.tree.join(path))?)))
                .collect::<Result<_>>()?,
        })
    }

    /// Returns whether the crate would come out the same in this tree.
    fn is_of(&self, info: &PartInfo) -> Result<bool> {
        let configuration = self.configuration()?;
        let options = info
            .options
            .iter()
            .all(|(name, lines)| configuration.get(name).map_or("", String::as_str) == lines);
        let now = |name: &String| env::var(name).ok().map(|value| self.without_place(&value));
        let mut variables = info.variables.iter();
        let variables = variables.all(|(name, value)| now(name) == *value);
        let mut read = info.read.iter();
        Ok(options
            && variables
            && read.all(|(path, is)| digest(&self.tree.join(path)).is_ok_and(|now| now == *is)))
    }

    /// Removes the tree's path from a text. The files that rustc writes do not have the path,
    /// because the shim has rustc leave it out.
    fn without_place(&self, text: &str) -> String {
        text.replace(&*self.tree.to_string_lossy(), "")
    }

    /// Returns the lines of the kernel's configuration by option, or nothing if rustc does not get
    /// it.
    fn configuration(&self) -> Result<BTreeMap<String, String>> {
        let mut options = BTreeMap::<String, String>::new();
        let Some(file) = &self.arguments.configuration else {
            return Ok(options);
        };
        for line in fs::read_to_string(self.tree.join(file))?.lines() {
            let name = words_after(line, OPTION).next().unwrap_or_default();
            let lines = options.entry(format!("{OPTION}{name}")).or_default();
            lines.push_str(line);
            lines.push('\n');
        }
        Ok(options)
    }
}

/// The relevant ones of rustc's arguments.
#[derive(Debug, Default)]
struct Arguments {
    names_crates: bool,
    configuration: Option<PathBuf>,
    depinfo: Option<PathBuf>,
    made: Vec<PathBuf>,
}

impl Arguments {
    fn of(args: &[OsString]) -> Self {
        let mut found = Self::default();
        for arg in args.iter().filter_map(|arg| arg.to_str()) {
            if arg == NAMES_CRATES {
                found.names_crates = true;
            } else if let Some(file) = arg.strip_prefix('@') {
                if is_configuration(Path::new(file)) {
                    found.configuration = Some(file.into());
                }
            } else if let Some(emitted) = arg.strip_prefix("--emit=") {
                match emitted.split_once('=') {
                    Some(("dep-info", file)) => found.depinfo = Some(file.into()),
                    Some((_, file)) => found.made.push(file.into()),
                    None => {}
                }
            }
        }
        found
    }

    fn depinfo(&self, tree: &Path) -> Option<PathBuf> {
        self.depinfo.as_ref().map(|file| tree.join(file))
    }
}

fn is_configuration(file: &Path) -> bool {
    file.file_name() == Some(OsStr::new(CONFIGURATION))
}

/// Returns the identifier after each `before` in the text, without the prefix.
fn words_after<'a>(text: &'a str, before: &'a str) -> impl Iterator<Item = &'a str> {
    let of_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.split(before).skip(1).map(move |rest| {
        let end = rest.find(|c| !of_name(c)).unwrap_or(rest.len());
        &rest[..end]
    })
}

#[cfg(test)]
#[path = "parts_tests.rs"]
mod tests;
