// SPDX-License-Identifier: GPL-2.0-only

//! What became of a package's builds, for each kernel: a file `NAME.json` in [`System::state`] for
//! each package. `package` writes it.

use crate::system::System;
use crate::system::bounded;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;

/// How the files' names end, behind the package's name.
const END: &str = ".json";

/// A package whose life dkms-rust looks after.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcomes {
    /// The version of its source when it was configured last.
    pub version: String,
    /// Whether dkms took the source then.
    pub registered: bool,
    /// The modules that are loaded when they have been built.
    pub load: Vec<String>,
    /// Directories whose open files keep a module that is loaded where it is.
    pub in_use: Vec<PathBuf>,
    /// What became of the builds, by the kernels' releases.
    pub kernels: BTreeMap<String, Outcome>,
}

/// What became of a build.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// There is a module.
    Built {
        /// Of this version.
        version: String,
    },
    /// None can be built for the kernel.
    Refused {
        /// Why.
        why: String,
        /// What the administrator can do about it.
        mend: Option<String>,
        /// Whether the administrator was told.
        told: bool,
    },
    /// The package's own dkms.conf leaves the kernel out.
    Excluded {
        /// That of this version.
        version: String,
    },
    /// The build failed.
    Failed {
        /// The first error, in a line.
        why: String,
        /// All that was said, if it could be kept.
        log: Option<String>,
        /// What it was built from, where that would fail again.
        #[serde(default)]
        inputs: Option<String>,
        /// Whether the administrator was told.
        #[serde(default)]
        told: bool,
    },
}

impl Outcomes {
    /// What is remembered of a package; none if it was never configured, or was purged.
    pub fn load(system: &System, name: &str) -> Option<Self> {
        let text = bounded::read(&file(system, name), bounded::TEXT).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Remembers it; whoever reads meanwhile finds the old or the new, whole.
    ///
    /// # Errors
    ///
    /// If it can't be written.
    pub fn save(&self, system: &System, name: &str) -> io::Result<()> {
        fs::create_dir_all(system.state())?;
        let file = file(system, name);
        let new = system
            .state()
            .join(format!(".{name}-{}", std::process::id()));
        let written = fs::write(&new, serde_json::to_vec_pretty(self)?);
        let saved = written.and_then(|()| fs::rename(&new, &file));
        if saved.is_err() {
            fs::remove_file(&new).ok();
        }
        saved
    }
}

/// The packages of which something is remembered.
pub fn names(system: &System) -> Vec<String> {
    let files = crate::system::names(&system.state()).into_iter();
    let name = |file: String| Some(file.strip_suffix(END)?.to_owned());
    files.filter_map(name).collect()
}

/// Forgets a package.
///
/// # Errors
///
/// If its file can't be removed.
pub fn forget(system: &System, name: &str) -> io::Result<()> {
    match fs::remove_file(file(system, name)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn file(system: &System, name: &str) -> PathBuf {
    system.state().join(format!("{name}{END}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_is_as_it_was_until_it_is_forgotten() {
        let root = tempfile::tempdir().unwrap();
        let system = System::below(root.path());
        assert_eq!(Outcomes::load(&system, "p"), None);
        let refused = Outcome::Refused {
            why: "no headers".into(),
            mend: Some("apt install headers".into()),
            told: false,
        };
        let outcomes = Outcomes {
            version: "1".into(),
            kernels: [("7.3.4-amd64".to_owned(), refused)].into(),
            ..Outcomes::default()
        };
        outcomes.save(&system, "p").unwrap();
        assert_eq!(Outcomes::load(&system, "p"), Some(outcomes));
        assert_eq!(names(&system), ["p"]);
        let text = fs::read_to_string(file(&system, "p")).unwrap();
        assert!(text.contains("\"outcome\": \"refused\""), "{text}");

        forget(&system, "p").unwrap();
        assert!(names(&system).is_empty());
        forget(&system, "p").unwrap();
    }

    #[test]
    fn a_file_that_is_damaged_counts_as_none() {
        let root = tempfile::tempdir().unwrap();
        let system = System::below(root.path());
        Outcomes::default().save(&system, "p").unwrap();
        fs::write(file(&system, "p"), "{\"version\":").unwrap();
        assert_eq!(Outcomes::load(&system, "p"), None);
    }
}
