// SPDX-License-Identifier: GPL-2.0-only

//! Finds the packages of Rust modules: the DKMS packages that are built by dkms-rust, and those whose
//! modules were built elsewhere.

use super::prebuilt;
use crate::system::dkms_conf::{module_names, values};
use crate::system::version;
use crate::system::{System, names_in};
use std::fs;
use std::path::PathBuf;

/// A package: a source in dkms, prebuilt modules, or both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// Its name in dkms.
    pub name: String,
    /// The newest version that is here.
    pub version: String,
    /// Its modules.
    pub modules: Vec<String>,
    /// Whether its source is here, so that dkms can build it.
    pub source: bool,
}

/// Returns the packages whose `dkms.conf` calls dkms-rust: those that dkms knows, and those in
/// `/usr/src` that dkms does not know yet. Also returns the packages of prebuilt modules.
pub fn find(system: &System) -> Vec<Package> {
    let mut found: Vec<Package> = Vec::new();
    for (name, version, folder) in sources(system) {
        let Ok(conf) = fs::read_to_string(folder.join("dkms.conf")) else {
            continue;
        };
        if !calls_dkms_rust(&conf) {
            continue;
        }
        let modules = module_names(&conf, &name);
        match found.iter_mut().find(|package| package.name == name) {
            Some(older) if version::compare(&version, &older.version).is_gt() => {
                (older.version, older.modules) = (version, modules);
            }
            Some(_) => {}
            None => found.push(Package {
                name,
                version,
                modules,
                source: true,
            }),
        }
    }
    for prebuilt in prebuilt::all(system) {
        let modules = prebuilt.modules();
        match found
            .iter_mut()
            .find(|package| package.name == prebuilt.name)
        {
            Some(package) if package.source => {}
            Some(older) if version::compare(&prebuilt.version, &older.version).is_gt() => {
                (older.version, older.modules) = (prebuilt.version, modules);
            }
            Some(_) => {}
            None => found.push(Package {
                name: prebuilt.name,
                version: prebuilt.version,
                modules,
                source: false,
            }),
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

/// Returns all sources: name, version, directory.
fn sources(system: &System) -> Vec<(String, String, PathBuf)> {
    let mut found = Vec::new();
    for name in names_in(&system.dkms()) {
        for version in names_in(&system.dkms().join(&name)) {
            let folder = system.dkms().join(&name).join(&version).join("source");
            found.push((name.clone(), version, folder));
        }
    }
    for folder in names_in(&system.sources()) {
        let folder = system.sources().join(&folder);
        let conf = fs::read_to_string(folder.join("dkms.conf")).unwrap_or_default();
        if let [Some(name), Some(version)] =
            ["PACKAGE_NAME", "PACKAGE_VERSION"].map(|name| values(&conf, name).next())
        {
            found.push((name, version, folder));
        }
    }
    found
}

fn calls_dkms_rust(conf: &str) -> bool {
    conf.lines()
        .any(|line| !line.trim_start().starts_with('#') && line.contains("dkms-rust"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &std::path::Path, folder: &str, conf: &str) {
        let folder = root.join(folder);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("dkms.conf"), conf).unwrap();
    }

    const CONF: &str =
        "BUILT_MODULE_NAME[0]=\"procDriver\"\nMAKE[0]=\"dkms-rust make -k $kernelver\"\n";

    #[test]
    fn only_packages_that_call_dkms_rust_count() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), "var/lib/dkms/procdriver/0.1.0/source", CONF);
        let other = "# not dkms-rust\nMAKE[0]=\"make\"\n";
        write(root.path(), "var/lib/dkms/other/1/source", other);
        let found = find(&System::below(root.path()));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].modules, ["procDriver"]);
    }

    #[test]
    fn of_several_versions_the_newest_counts_also_when_dkms_does_not_know_it_yet() {
        let root = tempfile::tempdir().unwrap();
        for version in ["0.9.0", "0.10.0", "0.2.0"] {
            let folder = format!("var/lib/dkms/a-b/{version}/source");
            write(root.path(), &folder, CONF);
        }
        let system = System::below(root.path());
        assert_eq!(find(&system)[0].version, "0.10.0");
        let named = format!("PACKAGE_NAME=a-b\nPACKAGE_VERSION=\"0.11.0\"\n{CONF}");
        write(root.path(), "usr/src/a-b-0.11.0", &named);
        let found = find(&system);
        assert_eq!((found.len(), &*found[0].version), (1, "0.11.0"));
    }
}
