// SPDX-License-Identifier: GPL-2.0-only

//! The machine: where things are on it, what dpkg says, running programs, and which files can be
//! trusted. The lowest room: it knows nothing of kernels, and every other room may use it.

pub mod below;
pub mod bounded;
pub mod child;
pub mod confine;
pub mod dpkg;
pub mod elf;
pub mod framework;
pub mod launch;
pub mod made_up;
pub mod ram;
pub mod run;
pub mod said;
pub mod search;
pub mod sources_package;
pub mod trusted;
pub mod version;

use std::fs;
use std::path::{Path, PathBuf};

/// The folders that dkms-rust looks into, below a root that tests can set.
#[derive(Clone, Debug)]
pub struct System {
    root: PathBuf,
    headers: Option<PathBuf>,
    own: Option<PathBuf>,
}

impl System {
    /// The machine itself.
    pub fn here() -> Self {
        Self::below("/")
    }

    /// A system whose `/` is at `root`.
    pub fn below(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            headers: None,
            own: None,
        }
    }

    /// The same, with the headers of the kernel in question in this directory.
    #[must_use]
    pub fn with_headers(self, headers: Option<PathBuf>) -> Self {
        Self { headers, ..self }
    }

    /// The same, with all that is kept of rebuilds below this directory of somebody's own.
    #[must_use]
    pub fn with_cache(self, own: Option<PathBuf>) -> Self {
        Self { own, ..self }
    }

    /// Whether it is this machine, rather than one that is made up.
    pub fn is_here(&self) -> bool {
        self.root == Path::new("/")
    }

    /// Whether it is not in the usual place.
    pub fn has_own_cache(&self) -> bool {
        self.own.is_some()
    }

    /// What has to stand in a command that is printed, so that it is about the same headers and the
    /// same cache; with a space before it, or nothing.
    pub fn options(&self) -> String {
        let option = |name: &str, path: &Option<PathBuf>| {
            let path = path.as_ref()?.display();
            Some(format!(" --{name} {path}"))
        };
        // dkms always names headers, most often those where they usually are.
        let usual = |path: &PathBuf| path.starts_with(self.modules()) && path.ends_with("build");
        let other = self.headers.clone().filter(|path| !usual(path));
        [option("headers", &other), option("cache", &self.own)]
            .into_iter()
            .flatten()
            .collect()
    }

    /// Whether they are not where they usually are.
    pub fn has_other_headers(&self) -> bool {
        self.headers.is_some()
    }

    /// Where the headers of a kernel are.
    pub fn headers(&self, release: &str) -> PathBuf {
        let usual = || self.modules().join(release).join("build");
        self.headers.clone().unwrap_or_else(usual)
    }

    /// What is at `path`, written without its first slash.
    pub fn at(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// The same the other way round: a path as this system's users write it.
    pub fn shown(&self, path: &Path) -> String {
        let inside = path.strip_prefix(&self.root).unwrap_or(path);
        Path::new("/").join(inside).display().to_string()
    }

    /// Where modules are installed: a folder a kernel release.
    pub fn modules(&self) -> PathBuf {
        self.root.join("lib/modules")
    }

    /// Where linux-source packages put their archives.
    pub fn sources(&self) -> PathBuf {
        self.root.join("usr/src")
    }

    /// What the package dkms-rust-sources brings, in place of linux-source and rust-src.
    pub fn shared(&self) -> PathBuf {
        self.root.join("usr/share/dkms-rust")
    }

    /// What is kept of rebuilds.
    pub fn cache(&self) -> PathBuf {
        self.kept("var/cache/dkms-rust", "trees")
    }

    /// What must not be lost: slices of kernels' sources, and what was found out about kernels.
    pub fn state(&self) -> PathBuf {
        self.kept("var/lib/dkms-rust", "state")
    }

    /// Logs of rebuilds that failed.
    pub fn logs(&self) -> PathBuf {
        self.kept("var/log/dkms-rust", "log")
    }

    /// A directory of what is kept, in its usual place or in one of somebody's own.
    fn kept(&self, usual: &str, own: &str) -> PathBuf {
        match &self.own {
            Some(folder) => folder.join(own),
            None => self.root.join(usual),
        }
    }

    /// DKMS's own records: a directory for each package.
    pub fn dkms(&self) -> PathBuf {
        self.moved("dkms_tree", "var/lib/dkms")
    }

    /// Where dkms installs modules.
    pub fn installed(&self) -> PathBuf {
        self.moved("install_tree", "lib/modules")
    }

    /// A setting of dkms's.
    pub fn dkms_setting(&self, name: &str) -> Option<String> {
        framework::setting(&self.root, name)
    }

    /// A directory that a setting of dkms's moves from its usual place.
    fn moved(&self, name: &str, usual: &str) -> PathBuf {
        let moved = self.dkms_setting(name);
        let moved = moved.as_deref().and_then(|path| path.strip_prefix('/'));
        self.root.join(moved.unwrap_or(usual))
    }

    /// A folder a loaded module.
    pub fn loaded(&self) -> PathBuf {
        self.root.join("sys/module")
    }

    /// dpkg's database.
    pub fn dpkg(&self) -> PathBuf {
        self.root.join("var/lib/dpkg")
    }
}

/// The names in a folder, in order; none if it can't be listed.
pub fn names(folder: &Path) -> Vec<String> {
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
