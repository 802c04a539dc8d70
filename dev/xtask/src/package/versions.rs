// SPDX-License-Identifier: GPL-2.0-only

//! Packages of other versions, to upgrade to and downgrade from: the packages as built, with the
//! version replaced wherever it occurs.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::host::project::Project;
use crate::host::run::Cmd;
use crate::host::{files, mounts, ui};
use crate::package::repo;

/// The version of the packages. They and this program inherit it from the workspace.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The version after [`VERSION`].
pub const NEXT: &str = concat!(env!("CARGO_PKG_VERSION"), "+next");
/// The version after [`NEXT`]. Its driver does not compile.
pub const WORSE: &str = concat!(env!("CARGO_PKG_VERSION"), "+worse");

/// The text at the end of the driver in [`WORSE`].
const ERROR: &str = "compile_error!(\"broken on purpose\");\n";

/// For each version: the name of its repository, the version, and the text to append to the driver.
const VERSIONS: [(&str, &str, &str); 2] = [("next", NEXT, ""), ("worse", WORSE, ERROR)];

/// Makes a repository for each version. Returns their names and paths.
pub fn repositories(project: &Project, debs: &[PathBuf]) -> Result<Vec<(&'static str, PathBuf)>> {
    ui::step("pack the packages again as other versions", || {
        VERSIONS
            .iter()
            .map(|(name, version, end)| {
                let dir = project.product(&format!("repo-{name}"))?;
                repository(project, debs, &dir, version, end)?;
                Ok((*name, dir))
            })
            .collect()
    })
}

fn repository(
    project: &Project,
    debs: &[PathBuf],
    dir: &Path,
    version: &str,
    end: &str,
) -> Result<()> {
    files::make_empty_dir(dir)?;
    let work = mounts::scratch_folder(project)?;
    for (number, deb) in debs.iter().enumerate() {
        let place = work.path().join(number.to_string());
        unpack(deb, &place)?;
        renumber(&place, version, end)?;
        pack(&place, dir)?;
    }
    repo::index(dir, Path::new("/"))
}

/// Repacks all packages of a directory into another one, without compression.
pub fn without_compression(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir(to).with_context(|| format!("cannot make {}", to.display()))?;
    for deb in files::list(from)? {
        if deb.extension().is_some_and(|extension| extension == "deb") {
            let place = deb.with_extension("d");
            unpack(&deb, &place)?;
            pack(&place, to)?;
            files::remove(&place)?;
        }
    }
    Ok(())
}

fn unpack(deb: &Path, place: &Path) -> Result<()> {
    Cmd::new("dpkg-deb")
        .arg("--raw-extract")
        .args([deb, place])
        .run()
        .map(drop)
}

fn pack(place: &Path, dir: &Path) -> Result<()> {
    Cmd::new("dpkg-deb")
        .args(["--root-owner-group", "-Znone", "--build"])
        .args([place, dir])
        .run()
        .map(drop)
}

/// Changes the version of an unpacked package, and appends `end` to the driver.
fn renumber(place: &Path, version: &str, end: &str) -> Result<()> {
    let new = |text: String| text.replace(VERSION, version);
    edit(&place.join("DEBIAN/control"), new)?;
    let source = place.join(format!("usr/src/procdriver-{VERSION}"));
    if !source.exists() {
        return Ok(());
    }
    edit(&source.join("dkms.conf"), new)?;
    edit(&source.join("src/procdriver.rs"), |text| text + end)?;
    let renamed = place.join(format!("usr/src/procdriver-{version}"));
    files::rename(&source, &renamed)
}

fn edit(path: &Path, change: impl FnOnce(String) -> String) -> Result<()> {
    let text = files::text(path)?;
    files::write(path, change(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_is_changed_wherever_it_stands_and_the_end_is_added() {
        let dir = tempfile::tempdir().unwrap();
        let source = dir.path().join(format!("usr/src/procdriver-{VERSION}"));
        fs::create_dir_all(source.join("src")).unwrap();
        fs::create_dir(dir.path().join("DEBIAN")).unwrap();
        let control = format!("Version: {VERSION}\nDepends: dkms-rust (= {VERSION})\n");
        fs::write(dir.path().join("DEBIAN/control"), control).unwrap();
        fs::write(source.join("dkms.conf"), format!("V=\"{VERSION}\"\n")).unwrap();
        fs::write(source.join("src/procdriver.rs"), "a\n").unwrap();
        renumber(dir.path(), "9", "b\n").unwrap();
        let read = |name: &str| fs::read_to_string(dir.path().join(name)).unwrap();
        assert_eq!(
            read("DEBIAN/control"),
            "Version: 9\nDepends: dkms-rust (= 9)\n"
        );
        assert_eq!(read("usr/src/procdriver-9/dkms.conf"), "V=\"9\"\n");
        assert_eq!(read("usr/src/procdriver-9/src/procdriver.rs"), "a\nb\n");
    }
}
