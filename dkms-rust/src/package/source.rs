// SPDX-License-Identifier: GPL-2.0-only

//! A package's source in `/usr/src`, and the Debian package that it belongs to.

use crate::system::dkms_conf::{module_names, values};
use crate::system::run::answer;
use crate::system::{System, names_in, version};
use crate::toolchain::identity;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A package's source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DkmsSource {
    /// Its name in dkms.
    pub name: String,
    /// Its version in dkms.
    pub version: String,
    /// Its directory.
    pub folder: PathBuf,
    /// Its modules.
    pub modules: Vec<String>,
    /// The Debian package that installed it.
    pub package: Option<String>,
}

impl DkmsSource {
    /// Returns the source of the package `name`: the one that dpkg installed, or else the newest.
    /// With `version`, only that version counts.
    pub fn find(system: &System, name: &str, version: Option<&str>) -> Option<Self> {
        let mut found: Vec<Self> = names_in(&system.sources())
            .into_iter()
            .filter_map(|folder| Self::read(&system.sources().join(folder)))
            .filter(|source| source.name == name)
            .filter(|source| version.is_none_or(|version| source.version == version))
            .collect();
        for (package, folder) in owners(system, name) {
            let mine = found.iter_mut().find(|source| source.folder == folder);
            if let Some(source) = mine {
                source.package = Some(package);
            }
        }
        found.sort_by(|a, b| {
            let owned = a.package.is_some().cmp(&b.package.is_some());
            owned.then_with(|| version::compare(&a.version, &b.version))
        });
        found.pop()
    }

    fn read(folder: &Path) -> Option<Self> {
        let conf = fs::read_to_string(folder.join("dkms.conf")).ok()?;
        let name = values(&conf, "PACKAGE_NAME").next()?;
        Some(Self {
            version: values(&conf, "PACKAGE_VERSION").next()?,
            folder: folder.to_owned(),
            modules: module_names(&conf, &name),
            package: None,
            name,
        })
    }

    /// Returns a hash of the source's files and of the build tree's identity. A failed build fails
    /// again as long as this hash is the same.
    pub fn inputs(&self, tree: &str) -> String {
        let files = identity::of_folder(&self.folder);
        blake3::hash(format!("{files}\n{tree}").as_bytes()).to_hex()[..32].to_owned()
    }

    /// Returns the command that builds for all kernels again.
    pub fn again(&self) -> String {
        match &self.package {
            Some(package) => format!("dpkg-reconfigure {package}"),
            None => format!("dkms-rust package configure {}", self.name),
        }
    }
}

/// Returns the Debian packages that installed a source of this name, with its directory.
fn owners(system: &System, name: &str) -> Vec<(String, PathBuf)> {
    let mut query = Command::new("dpkg-query");
    query.arg(format!("--admindir={}", system.dpkg().display()));
    query.args(["--search", &format!("/usr/src/{name}-*/dkms.conf")]);
    let lines = answer(&mut query).unwrap_or_default();
    let owner = |line: &str| {
        let (package, file) = line.split_once(": ")?;
        let folder = Path::new(file).parent()?.strip_prefix("/").ok()?;
        // dpkg prints `name:architecture` for some packages.
        let package = package.split(':').next()?;
        Some((package.to_owned(), system.at(folder.to_str()?)))
    };
    lines.lines().filter_map(owner).collect()
}
