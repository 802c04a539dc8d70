// SPDX-License-Identifier: GPL-2.0-only

//! The results of a package's builds, one per kernel. Each package has a file `NAME.json` in
//! [`System::state`], which `package` writes.

use crate::system::System;
use crate::system::bounded;
use crate::system::flock::{self, Busy, Share};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// The end of a file's name, after the package's name.
const END: &str = ".json";

/// The name of the lock file.
const LOCK: &str = ".lock";

/// How long to wait for another process, which has one file to read and one to write.
const PATIENCE: Duration = Duration::from_secs(if cfg!(test) { 1 } else { 10 });

/// What is remembered about a package that dkms-rust manages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcomes {
    /// The version of its source at the last `configure`.
    pub version: String,
    /// Whether dkms accepted the source then.
    pub registered: bool,
    /// The modules to load after they were built.
    pub load: Vec<String>,
    /// While a file below one of these directories is open, a loaded module is not replaced.
    pub in_use: Vec<PathBuf>,
    /// The results of the builds, by kernel release.
    pub kernels: BTreeMap<String, Outcome>,
}

/// The result of a build.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// The module was built.
    Built {
        /// The version of the source.
        version: String,
        /// Whether dkms had yet to install it when this was recorded.
        #[serde(default)]
        pending: bool,
    },
    /// The module is a prebuilt one: it was built elsewhere, and has a package of its own.
    Prebuilt {
        /// The version of the source.
        version: String,
    },
    /// No module can be built for the kernel.
    Refused {
        /// The reason.
        why: String,
        /// What the administrator can do about it.
        mend: Option<String>,
        /// Whether the administrator was told.
        told: bool,
    },
    /// The package's own dkms.conf excludes the kernel.
    Excluded {
        /// The version of the source.
        version: String,
    },
    /// The build failed.
    Failed {
        /// The first error, on one line.
        why: String,
        /// The path of the whole log, if it could be kept.
        log: Option<String>,
        /// A hash of what it was built from, if the same build would fail again.
        #[serde(default)]
        inputs: Option<String>,
        /// Whether the administrator was told.
        #[serde(default)]
        told: bool,
    },
}

impl Outcomes {
    /// Loads what is remembered about a package. Returns `None` if it was never configured, or was
    /// purged.
    pub fn load(system: &System, name: &str) -> Option<Self> {
        let text = bounded::read(&file(system, name), bounded::TEXT).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Changes what is remembered about a package, and returns it. Only one process at a time does
    /// this, so none undoes what another one has just recorded.
    ///
    /// # Errors
    ///
    /// If it can't be written, or another process holds the lock for too long.
    pub fn change(system: &System, name: &str, change: impl FnOnce(&mut Self)) -> io::Result<Self> {
        fs::create_dir_all(system.state())?;
        let _lock = lock(system)?;
        let before = Self::load(system, name);
        let mut now = before.clone().unwrap_or_default();
        change(&mut now);
        if before.as_ref() != Some(&now) {
            now.save(system, name)?;
        }
        Ok(now)
    }

    /// Saves it atomically: a reader finds either the old or the new file.
    fn save(&self, system: &System, name: &str) -> io::Result<()> {
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

/// Returns the names of all packages that are remembered.
pub fn names(system: &System) -> Vec<String> {
    let files = crate::system::names_in(&system.state()).into_iter();
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

/// Takes the lock on the records, until the file is dropped.
fn lock(system: &System) -> io::Result<File> {
    let path = system.state().join(LOCK);
    let file = flock::open(&path)?;
    let locked = flock::take(&file, Share::Exclusive, PATIENCE, |_| {});
    locked.map_err(|error| match error.downcast_ref::<Busy>() {
        Some(_) => {
            let why = format!(
                "timed out waiting for another process to release {}",
                system.shown(&path)
            );
            io::Error::new(io::ErrorKind::TimedOut, why)
        }
        None => io::Error::other(error),
    })?;
    Ok(file)
}

fn file(system: &System, name: &str) -> PathBuf {
    system.state().join(format!("{name}{END}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use std::thread;

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
        Outcomes::change(&system, "p", |there| there.clone_from(&outcomes)).unwrap();
        assert_eq!(Outcomes::load(&system, "p"), Some(outcomes));
        assert_eq!(names(&system), ["p"]);
        let text = fs::read_to_string(file(&system, "p")).unwrap();
        assert!(text.contains("\"outcome\": \"refused\""), "{text}");

        forget(&system, "p").unwrap();
        assert!(names(&system).is_empty());
        forget(&system, "p").unwrap();
    }

    #[test]
    fn what_an_earlier_version_recorded_as_built_was_installed() {
        let built = r#"{"outcome": "built", "version": "1"}"#;
        let built: Outcome = serde_json::from_str(built).unwrap();
        let version = "1".to_owned();
        let pending = false;
        assert_eq!(built, Outcome::Built { version, pending });
    }

    #[test]
    fn a_file_that_is_damaged_counts_as_none() {
        let root = tempfile::tempdir().unwrap();
        let system = System::below(root.path());
        Outcomes::change(&system, "p", |_| {}).unwrap();
        fs::write(file(&system, "p"), "{\"version\":").unwrap();
        assert_eq!(Outcomes::load(&system, "p"), None);
    }

    #[test]
    fn nobody_undoes_what_somebody_else_records_at_the_same_time() {
        let root = tempfile::tempdir().unwrap();
        let system = System::below(root.path());
        thread::scope(|scope| {
            for writer in 0..4 {
                let system = &system;
                scope.spawn(move || {
                    for kernel in 0..20 {
                        let kernel = format!("{writer}.{kernel}.0-amd64");
                        let version = String::new();
                        let outcome = Outcome::Excluded { version };
                        let add = |there: &mut Outcomes| {
                            there.kernels.insert(kernel, outcome);
                        };
                        Outcomes::change(system, "p", add).unwrap();
                    }
                });
            }
        });
        assert_eq!(Outcomes::load(&system, "p").unwrap().kernels.len(), 80);
    }

    #[test]
    fn only_root_can_hold_the_lock_and_nobody_waits_for_ever() {
        let root = tempfile::tempdir().unwrap();
        let system = System::below(root.path());
        Outcomes::change(&system, "p", |_| {}).unwrap();
        let held = lock(&system).unwrap();
        let mode = held.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let error = Outcomes::change(&system, "p", |_| {}).unwrap_err();
        let why = "timed out waiting for another process to release /var/lib/dkms-rust/.lock";
        assert_eq!(error.to_string(), why);
        drop(held);
        Outcomes::change(&system, "p", |_| {}).unwrap();
    }
}
