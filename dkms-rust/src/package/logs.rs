// SPDX-License-Identifier: GPL-2.0-only

//! Keeps the log of a failed build in a place where dkms does not delete it.

use crate::kernel::release::Release;
use crate::system::System;
use crate::system::bounded;
use crate::system::said::{first_error, would_fail_again};
use std::fs;
use std::path::{Path, PathBuf};

/// The log of a failed build.
#[derive(Debug, PartialEq, Eq)]
pub struct KeptLog {
    /// Its first error.
    pub why: String,
    /// Where it is kept.
    pub log: Option<String>,
    /// Whether the same build would fail again.
    pub again: bool,
}

/// Keeps a copy of dkms's log.
pub fn keep(system: &System, name: &str, release: &Release, log: &Path) -> KeptLog {
    let text = bounded::log(log);
    let shown = first_error(&text);
    let why = shown.first().map_or("no output", |line| line.trim());
    let kept = file(system, name, release);
    let folder = kept.parent().unwrap_or(Path::new("/"));
    let written = fs::create_dir_all(folder).and_then(|()| fs::copy(log, &kept));
    let kept = written.is_ok().then(|| system.shown(&kept));
    KeptLog {
        why: why.to_owned(),
        log: kept.filter(|_| !text.is_empty()),
        again: !text.is_empty() && would_fail_again(&text),
    }
}

/// Deletes the log of an earlier failure.
pub fn drop(system: &System, name: &str, release: &Release) {
    fs::remove_file(file(system, name, release)).ok();
    // This fails, as it should, while there are logs for other kernels.
    fs::remove_dir(system.logs().join(name)).ok();
}

/// Deletes all logs of a package.
pub fn drop_all(system: &System, name: &str) {
    fs::remove_dir_all(system.logs().join(name)).ok();
}

fn file(system: &System, name: &str, release: &Release) -> PathBuf {
    system.logs().join(name).join(format!("{release}.log"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_kept_until_it_is_dropped() {
        let root = tempfile::tempdir().unwrap();
        let system = System::below(root.path());
        let release = "7.3.4-amd64".parse().unwrap();
        let log = root.path().join("make.log");
        fs::write(&log, "error: no\n").unwrap();
        let kept = keep(&system, "p", &release, &log);
        assert_eq!(kept.why, "error: no");
        assert_eq!(kept.log.unwrap(), "/var/log/dkms-rust/p/7.3.4-amd64.log");
        assert!(kept.again);
        drop(&system, "p", &release);
        assert!(!system.logs().join("p").exists());
        let none = keep(&system, "p", &release, &root.path().join("none"));
        let nothing = KeptLog {
            why: "no output".to_owned(),
            log: None,
            again: false,
        };
        assert_eq!(none, nothing);
    }
}
