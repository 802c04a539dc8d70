// SPDX-License-Identifier: GPL-2.0-only

//! What was built for which kernel, kept in the file `report.json`. It is written after each
//! kernel, so that a build that was killed goes on where it was.

use crate::kernel::build_result::BuildResult;
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};

/// The version of the file's layout. It stays the same if fields are only added.
const SCHEMA: u32 = 1;

/// The name of the file.
const FILE: &str = "report.json";

/// Everything that was built, or could not be.
#[derive(Debug, Serialize, Deserialize)]
pub struct State {
    schema: u32,
    /// One entry for each package, suite, architecture and kernel.
    pub entries: Vec<Entry>,
    #[serde(skip)]
    path: PathBuf,
}

/// The modules of one package for one kernel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The suite.
    pub suite: String,
    /// Debian's name of the architecture.
    pub architecture: String,
    /// The release of the kernel.
    pub kernel: String,
    /// The name of the DKMS package.
    pub package: String,
    /// Identifies what it was built from: the same inputs are not built again.
    pub inputs: String,
    /// The result.
    pub result: BuildResult,
    /// The version of the source in dkms.
    pub version: String,
    /// How many packages of the same version were built before it.
    pub rebuild: u32,
    /// The Debian package that was built, by its name in the directory of the suite.
    pub deb: Option<String>,
    /// Why nothing was built.
    pub reason: Option<String>,
    /// How long it took, in seconds.
    pub seconds: u64,
}

impl State {
    /// Reads the file in a directory, if there is one.
    ///
    /// # Errors
    ///
    /// If it is there and can't be read.
    pub fn load(directory: &Path) -> Result<Self> {
        let path = directory.join(FILE);
        let new = Self {
            schema: SCHEMA,
            entries: Vec::new(),
            path: path.clone(),
        };
        let Ok(text) = fs::read(&path) else {
            return Ok(new);
        };
        let state: Self = serde_json::from_slice(&text)
            .with_context(|| format!("can't read {}; remove it to begin anew", path.display()))?;
        Ok(Self { path, ..state })
    }

    /// Returns the entry of the same package, suite, architecture and kernel.
    pub fn find(&self, like: &Entry) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.is_for(like))
    }

    /// Replaces the entry of the same package and kernel, and writes the file.
    ///
    /// # Errors
    ///
    /// If it can't be written.
    pub fn set(&mut self, entry: Entry) -> Result<()> {
        self.entries.retain(|other| !other.is_for(&entry));
        self.entries.push(entry);
        let key = |entry: &Entry| {
            (
                entry.suite.clone(),
                entry.package.clone(),
                entry.kernel.clone(),
            )
        };
        self.entries.sort_by_key(key);
        self.save()
    }

    /// Writes the file. A reader finds either the old one or the new one.
    fn save(&self) -> Result<()> {
        let new = self.path.with_extension("new");
        let text = serde_json::to_vec_pretty(self)?;
        let written = fs::write(&new, text).and_then(|()| fs::rename(&new, &self.path));
        written.with_context(|| format!("can't write {}", self.path.display()))
    }
}

impl Entry {
    fn is_for(&self, other: &Self) -> bool {
        let of = |entry: &Self| {
            let Self {
                suite,
                architecture,
                kernel,
                package,
                ..
            } = entry.clone();
            [suite, architecture, kernel, package]
        };
        of(self) == of(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(kernel: &str, result: BuildResult) -> Entry {
        Entry {
            suite: "trixie".into(),
            architecture: "amd64".into(),
            kernel: kernel.into(),
            package: "p-dkms".into(),
            inputs: "1".into(),
            version: "1".into(),
            rebuild: 0,
            result,
            deb: None,
            reason: None,
            seconds: 1,
        }
    }

    #[test]
    fn what_was_recorded_is_there_after_a_kill_and_each_kernel_once() {
        let dir = tempfile::tempdir().unwrap();
        let mut state = State::load(dir.path()).unwrap();
        state.set(entry("7-amd64", BuildResult::Failed)).unwrap();
        state.set(entry("6-amd64", BuildResult::Built)).unwrap();
        state.set(entry("7-amd64", BuildResult::Built)).unwrap();
        drop(state);
        let state = State::load(dir.path()).unwrap();
        let kernels: Vec<_> = state.entries.iter().map(|entry| &*entry.kernel).collect();
        assert_eq!(kernels, ["6-amd64", "7-amd64"]);
        let found = state.find(&entry("7-amd64", BuildResult::Refused)).unwrap();
        assert_eq!(found.result, BuildResult::Built);
        assert!(state.find(&entry("8-amd64", BuildResult::Built)).is_none());
        fs::write(dir.path().join(FILE), "{").unwrap();
        assert!(State::load(dir.path()).is_err());
    }
}
