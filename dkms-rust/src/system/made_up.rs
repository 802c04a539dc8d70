// SPDX-License-Identifier: GPL-2.0-only

//! Makes a system in a directory for a kernel that is not installed here: its headers, and what
//! dpkg would say about them.

use crate::system::run::answer;
use crate::system::search::program;
use crate::system::{System, names_in};
use anyhow::{Context, Result, bail, ensure};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The file that says which kernel the headers belong to.
const RELEASE: &str = "include/config/kernel.release";

/// The directory in which packages put headers and sources.
const SOURCES: &str = "usr/src";

/// Makes a system below `base` from a directory with headers, or from Debian packages. Returns it
/// and the kernel's release.
///
/// # Errors
///
/// If these are not headers, or not all of them.
pub fn make(base: &Path, headers: &[PathBuf]) -> Result<(System, String)> {
    fs::create_dir_all(base).with_context(|| format!("can't create {}", base.display()))?;
    let base = fs::canonicalize(base)?;
    match headers {
        [folder] if folder.is_dir() => of_folder(&base, folder),
        packages => of_packages(&base, packages),
    }
}

fn of_folder(base: &Path, folder: &Path) -> Result<(System, String)> {
    let build = fs::canonicalize(folder)?;
    let release = release_of(&build)?;
    let root = base.join(&release);
    link_to(&root, &release, &build)?;
    share(&root)?;
    Ok((System::below(root), release))
}

/// Links the files of this machine's dkms-rust-sources and dkms-rust-core into the system.
fn share(root: &Path) -> Result<()> {
    let link = System::below(root).shared();
    fs::create_dir_all(link.parent().unwrap_or(root))?;
    fs::remove_file(&link).ok();
    let to = System::here().shared();
    symlink(to, &link).with_context(|| format!("can't create {}", link.display()))
}

fn of_packages(base: &Path, packages: &[PathBuf]) -> Result<(System, String)> {
    let real = |path: &PathBuf| {
        let file = fs::canonicalize(path).ok().filter(|path| path.is_file());
        file.with_context(|| format!("{}: there is no such package or directory", path.display()))
    };
    let packages: Vec<PathBuf> = packages.iter().map(real).collect::<Result<_>>()?;
    let work = base.join(format!(".new-{}", std::process::id()));
    let made = unpack(base, &work, &packages);
    fs::remove_dir_all(&work).ok();
    made
}

fn unpack(base: &Path, work: &Path, packages: &[PathBuf]) -> Result<(System, String)> {
    let mut status = String::new();
    for package in packages {
        let mut extract = Command::new(program("dpkg-deb"));
        extract.arg("--extract").args([package.as_path(), work]);
        let unpacked = extract.status().context("can't run dpkg-deb")?;
        ensure!(
            unpacked.success(),
            "{} is not a Debian package",
            package.display()
        );
        let mut fields = Command::new(program("dpkg-deb"));
        let fields = answer(fields.arg("--field").arg(package));
        let fields = fields.with_context(|| format!("can't read {}", package.display()))?;
        status += &format!("{}\nStatus: install ok installed\n\n", fields.trim_end());
    }
    let sources = work.join(SOURCES);
    let mut folders = names_in(&sources).into_iter().filter_map(|name| {
        let release = release_of(&sources.join(&name)).ok()?;
        Some((name, release))
    });
    let Some((name, release)) = folders.next() else {
        bail!("none of the packages contains kernel headers (/{SOURCES}/*/{RELEASE})");
    };
    let root = base.join(&release);
    fs::create_dir_all(&root)?;
    for part in ["usr", "lib"] {
        fs::remove_dir_all(root.join(part)).ok();
    }
    fs::rename(work.join("usr"), root.join("usr"))?;
    let build = root.join(SOURCES).join(name);
    lead_inside(&root, &build, &status)?;
    let dpkg = System::below(&root).dpkg();
    for folder in ["info", "updates"] {
        fs::create_dir_all(dpkg.join(folder))?;
    }
    fs::write(dpkg.join("status"), status)?;
    link_to(&root, &release, &build)?;
    share(&root)?;
    Ok((System::below(root), release))
}

/// Corrects the Makefile of headers in two packages: it includes the other package's Makefile by
/// the path that it has when both are installed. Refuses incomplete headers.
fn lead_inside(root: &Path, build: &Path, status: &str) -> Result<()> {
    let makefile = build.join("Makefile");
    let text = fs::read_to_string(&makefile)
        .with_context(|| format!("the headers have no {}", makefile.display()))?;
    let inside = format!("{}/{SOURCES}/", root.display());
    let text = text.replace(&format!("/{SOURCES}/"), &inside);
    let missing = |path: &str| path.starts_with(&inside) && !Path::new(path).exists();
    let included = text
        .lines()
        .filter_map(|line| line.strip_prefix("include "));
    let lacks = included.map(str::trim).any(missing) || !build.join("scripts").exists();
    ensure!(
        !lacks,
        "these packages are not the complete headers: also name the files of {}",
        others(status).join(", ")
    );
    Ok(fs::write(makefile, text)?)
}

/// Returns the kernel packages that those in a status file depend on, and that are not in it.
fn others(status: &str) -> Vec<String> {
    let of = |field: &'static str| {
        status
            .lines()
            .filter_map(move |line| line.strip_prefix(field))
    };
    let here: Vec<&str> = of("Package: ").collect();
    let mut others: Vec<String> = of("Depends: ")
        .flat_map(|list| list.split(','))
        .filter_map(|one| one.split_whitespace().next())
        .filter(|name| name.starts_with("linux-headers-") || name.starts_with("linux-kbuild-"))
        .filter(|name| !here.contains(name))
        .map(str::to_owned)
        .collect();
    others.sort();
    others.dedup();
    others
}

/// Returns the release that a directory with headers is for.
fn release_of(build: &Path) -> Result<String> {
    let path = build.join(RELEASE);
    let text = fs::read_to_string(&path);
    let text = text
        .with_context(|| format!("{} contains no kernel headers ({RELEASE})", build.display()))?;
    let release = text.trim();
    let one = !release.is_empty() && !release.contains('/') && !release.starts_with('.');
    ensure!(one, "{} names no kernel", path.display());
    Ok(release.to_owned())
}

/// Makes these headers those of the system's kernel of this release.
fn link_to(root: &Path, release: &str, build: &Path) -> Result<()> {
    let modules = root.join("lib/modules").join(release);
    fs::create_dir_all(&modules)?;
    for (link, target) in [
        (modules.join("build"), build),
        // Facts about the machine are read here.
        (root.join("proc"), Path::new("/proc")),
        (root.join("sys"), Path::new("/sys")),
    ] {
        fs::remove_file(&link).ok();
        symlink(target, &link).with_context(|| format!("can't create {}", link.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deb(dir: &Path, name: &str, depends: &str, files: &[(&str, &str)]) -> PathBuf {
        let tree = dir.join(name);
        let control = format!(
            "Package: {name}\nSource: linux (7.3.4-1)\nVersion: 7.3.4-1\nArchitecture: all\n\
             Maintainer: a <a@b>\nDepends: {depends}\nDescription: x\n"
        );
        for (path, text) in files.iter().chain([&("DEBIAN/control", &*control)]) {
            let path = tree.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let deb = dir.join(format!("{name}.deb"));
        let mut build = Command::new("dpkg-deb");
        build.arg("--build").args([&tree, &deb]);
        assert!(build.output().unwrap().status.success());
        deb
    }

    fn packages(dir: &Path) -> [PathBuf; 2] {
        let common = "usr/src/linux-headers-7.3.4-common/Makefile";
        let build = "usr/src/linux-headers-7.3.4-amd64";
        [
            deb(
                dir,
                "linux-headers-7.3.4-amd64",
                "linux-headers-7.3.4-common (= 7.3.4-1), linux-image-7.3.4-amd64, gcc-14",
                &[
                    (
                        &format!("{build}/include/config/kernel.release"),
                        "7.3.4-amd64\n",
                    ),
                    (&format!("{build}/scripts/x"), ""),
                    (
                        &format!("{build}/Makefile"),
                        "include /usr/src/linux-headers-7.3.4-common/Makefile\n",
                    ),
                ],
            ),
            deb(
                dir,
                "linux-headers-7.3.4-common",
                "libc6",
                &[(common, "VERSION = 7\n")],
            ),
        ]
    }

    #[test]
    fn packages_of_headers_are_a_kernel_of_their_own() {
        let dir = tempfile::tempdir().unwrap();
        let debs = packages(dir.path());
        let base = dir.path().join("base");
        // The second one replaces the first.
        for _ in 0..2 {
            let (system, release) = make(&base, &debs).unwrap();
            assert_eq!(release, "7.3.4-amd64");
            let shared = fs::read_link(system.shared()).unwrap();
            assert_eq!(shared, System::here().shared());
            let build = system.headers(&release);
            let makefile = fs::read_to_string(build.join("Makefile")).unwrap();
            let common = makefile.trim().strip_prefix("include ").unwrap();
            assert!(common.starts_with(base.to_str().unwrap()), "{makefile}");
            assert!(Path::new(common).is_file());
            let source =
                crate::system::dpkg::source_of(&system, "linux-headers-7.3.4-amd64").unwrap();
            assert_eq!((&*source.package, &*source.version), ("linux", "7.3.4-1"));
        }
        assert_eq!(names_in(&base), ["7.3.4-amd64"]);
    }

    #[test]
    fn packages_that_are_missing_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let debs = packages(dir.path());
        let base = dir.path().join("base");
        let why = make(&base, &debs[..1]).err().unwrap().to_string();
        assert!(
            why.ends_with("also name the files of linux-headers-7.3.4-common"),
            "{why}"
        );
        let why = make(&base, &debs[1..]).err().unwrap().to_string();
        assert!(why.contains("contains kernel headers"), "{why}");
        fs::write(dir.path().join("x.deb"), "no").unwrap();
        let why = make(&base, &[dir.path().join("x.deb")]).err().unwrap();
        assert!(why.to_string().contains("is not a Debian package"), "{why}");
    }

    #[test]
    fn a_directory_says_itself_which_kernel_it_is_for() {
        let dir = tempfile::tempdir().unwrap();
        let headers = dir.path().join("headers");
        let why = make(dir.path(), &[dir.path().to_owned()]).err().unwrap();
        assert!(
            why.to_string().contains("contains no kernel headers"),
            "{why}"
        );
        fs::create_dir_all(headers.join("include/config")).unwrap();
        fs::write(headers.join(RELEASE), "7.3.4-own\n").unwrap();
        let (system, release) =
            make(&dir.path().join("base"), std::slice::from_ref(&headers)).unwrap();
        assert_eq!(release, "7.3.4-own");
        let real = fs::canonicalize(system.headers(&release)).unwrap();
        assert_eq!(real, fs::canonicalize(headers).unwrap());
        fs::write(dir.path().join("headers").join(RELEASE), "../x\n").unwrap();
        assert!(make(&dir.path().join("base"), &[dir.path().join("headers")]).is_err());
    }
}
