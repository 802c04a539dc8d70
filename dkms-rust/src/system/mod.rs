// SPDX-License-Identifier: GPL-2.0-only

//! The machine: its directories, dpkg, running other programs, and whether a file can be trusted.
//! This is the lowest room: it knows nothing about kernels, and every other room may use it.
//!
//! [`search`] decides which programs root runs, and [`trusted`] whether other users could have
//! changed a file; [`launch`] starts make and compilers, which [`confine`] confines; [`run`] and
//! [`child`] start everything else.

pub mod below;
pub mod bounded;
pub mod child;
pub mod confine;
pub mod dkms_conf;
pub mod dpkg;
pub mod elf;
pub mod flock;
pub mod framework;
pub mod launch;
pub mod made_up;
pub mod mounts;
pub mod print;
pub mod ram;
pub mod run;
pub mod said;
pub mod search;
pub mod sources_package;
pub mod trusted;
pub mod version;

use std::fs;
use std::path::{Path, PathBuf};

/// Where the programs of a system are installed.
const PROGRAMS: [&str; 4] = ["usr/sbin", "usr/bin", "sbin", "bin"];

/// The directories that dkms-rust uses, below a root that tests can set.
#[derive(Clone, Debug)]
pub struct System {
    root: PathBuf,
    headers: Option<PathBuf>,
    own: Option<PathBuf>,
}

impl System {
    /// Returns the machine itself.
    pub fn here() -> Self {
        Self::below("/")
    }

    /// Returns a system whose `/` is at `root`.
    pub fn below(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            headers: None,
            own: None,
        }
    }

    /// Returns the same system, with the kernel's headers in this directory if one is given.
    #[must_use]
    pub fn with_headers(self, headers: Option<PathBuf>) -> Self {
        Self { headers, ..self }
    }

    /// Returns the same system, with the cache, state and logs in the user's own directory if one
    /// is given.
    #[must_use]
    pub fn with_cache(self, own: Option<PathBuf>) -> Self {
        Self { own, ..self }
    }

    /// Returns whether this is the machine itself, not a system in a directory.
    pub fn is_here(&self) -> bool {
        self.root == Path::new("/")
    }

    /// Returns the options that a printed command needs to use the same headers and the same cache.
    /// The text starts with a space, or is empty.
    pub fn options(&self) -> String {
        let option = |name: &str, path: &Option<PathBuf>| {
            let path = path.as_ref()?.display();
            Some(format!(" --{name} {path}"))
        };
        // dkms always passes the path of the headers, which is most often the usual one.
        let usual = |path: &PathBuf| path.starts_with(self.modules()) && path.ends_with("build");
        let other = self.headers.clone().filter(|path| !usual(path));
        [option("headers", &other), option("cache", &self.own)]
            .into_iter()
            .flatten()
            .collect()
    }

    /// Returns whether a directory with headers was given.
    pub fn has_other_headers(&self) -> bool {
        self.headers.is_some()
    }

    /// Returns the directory with the headers of a kernel.
    pub fn headers(&self, release: &str) -> PathBuf {
        let usual = || self.modules().join(release).join("build");
        self.headers.clone().unwrap_or_else(usual)
    }

    /// Returns where `path`, written without its leading slash, is in this system.
    pub fn at(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// Returns a path as the users of this system write it: the inverse of [`System::at`].
    pub fn shown(&self, path: &Path) -> String {
        let inside = path.strip_prefix(&self.root).unwrap_or(path);
        Path::new("/").join(inside).display().to_string()
    }

    /// Returns the directory of installed modules, which has one directory per kernel release.
    pub fn modules(&self) -> PathBuf {
        self.root.join("lib/modules")
    }

    /// Returns the directory in which linux-source packages put their archives.
    pub fn sources(&self) -> PathBuf {
        self.root.join("usr/src")
    }

    /// Returns the directory of what packages add to dkms-rust: dkms-rust-sources and dkms-rust-core,
    /// which replace linux-source and rust-src, and packages of prebuilt modules.
    pub fn shared(&self) -> PathBuf {
        self.root.join("usr/share/dkms-rust")
    }

    /// Returns the directory in which packages of prebuilt modules describe themselves.
    pub fn prebuilt(&self) -> PathBuf {
        self.shared().join("prebuilt")
    }

    /// Returns the directory of the cache of rebuilds.
    pub fn cache(&self) -> PathBuf {
        self.kept("var/cache/dkms-rust", "trees")
    }

    /// Returns the directory of what must not be lost: slices, and what was found out about
    /// kernels.
    pub fn state(&self) -> PathBuf {
        self.kept("var/lib/dkms-rust", "state")
    }

    /// Returns the directory with the logs of failed rebuilds.
    pub fn logs(&self) -> PathBuf {
        self.kept("var/log/dkms-rust", "log")
    }

    /// Returns a directory for kept data, in its usual place or in the user's own directory.
    fn kept(&self, usual: &str, own: &str) -> PathBuf {
        match &self.own {
            Some(folder) => folder.join(own),
            None => self.root.join(usual),
        }
    }

    /// Returns the directory of DKMS's own records, which has one directory per package.
    pub fn dkms(&self) -> PathBuf {
        self.moved("dkms_tree", "var/lib/dkms")
    }

    /// Returns the directory in which dkms installs modules.
    pub fn installed(&self) -> PathBuf {
        self.moved("install_tree", "lib/modules")
    }

    /// Returns the value of a dkms setting.
    pub fn dkms_setting(&self, name: &str) -> Option<String> {
        framework::setting(&self.root, name)
    }

    /// Returns a directory whose usual place a dkms setting can change.
    fn moved(&self, name: &str, usual: &str) -> PathBuf {
        let moved = self.dkms_setting(name);
        let moved = moved.as_deref().and_then(|path| path.strip_prefix('/'));
        self.root.join(moved.unwrap_or(usual))
    }

    /// Returns the directory that has one directory per loaded module.
    pub fn loaded(&self) -> PathBuf {
        self.root.join("sys/module")
    }

    /// Returns the path of a program of this system, if it is installed.
    pub fn program(&self, name: &str) -> Option<PathBuf> {
        let mut places = PROGRAMS.iter().map(|place| self.at(place).join(name));
        places.find(|path| path.is_file())
    }

    /// Returns the directory of dpkg's database.
    pub fn dpkg(&self) -> PathBuf {
        self.root.join("var/lib/dpkg")
    }
}

/// Returns the sorted names in a directory, or none if the directory can't be listed.
pub fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cache_of_one_s_own_has_all_that_is_kept_and_nothing_else() {
        let system = System::below("/x").with_cache(Some("/home/a/cache".into()));
        assert_eq!(system.options(), " --cache /home/a/cache");
        let other = System::here().with_headers(Some("/srv/h".into()));
        assert_eq!(other.options(), " --headers /srv/h");
        let usual = System::here().with_headers(Some("/lib/modules/7/build".into()));
        assert_eq!(usual.options(), "");
        for kept in [system.cache(), system.state(), system.logs()] {
            assert!(kept.starts_with("/home/a/cache"), "{}", kept.display());
        }
        for other in [system.modules(), system.sources(), system.dpkg()] {
            assert!(other.starts_with("/x"), "{}", other.display());
        }
    }

    #[test]
    fn a_path_is_shown_as_those_write_it_who_live_there() {
        let system = System::below("/tmp/x");
        assert_eq!(system.shown(&system.at("etc/y")), "/etc/y");
        let here = System::here();
        assert_eq!(here.shown(&here.at("etc/y")), "/etc/y");
    }
}
