// SPDX-License-Identifier: GPL-2.0-only

//! Gets a kernel's source from where the user says: Debian's archive, a package's file, a tarball
//! or a directory. Only the slice is kept.

use crate::kernel::headers::Kernel;
use crate::source::find::linux_source;
use crate::source::slice::Slice;
use crate::source::version;
use crate::source::work::WorkDir;
use crate::source::xz::Xz;
use crate::system::System;
use crate::system::run::{self, answer};
use crate::system::search::{path_variable, program};
use anyhow::{Context, Result, bail, ensure};
use std::env;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The files to unpack from a tarball without random access.
const WANTED: [&str; 5] = ["*/rust/*", "*/scripts/*", "*.h", "*/Kconfig", "*/Makefile"];

/// An `.xz` file with no more blocks than this is unpacked by tar.
const FEW_BLOCKS: usize = 8;

/// The environment variables that apt may need to reach the archive.
const PROXIES: [&str; 4] = ["http_proxy", "https_proxy", "ftp_proxy", "no_proxy"];

/// Builds a command for a trusted program, without the caller's environment.
fn clean(name: &str) -> Command {
    let mut command = Command::new(program(name));
    command.env_clear().env("PATH", path_variable());
    command
}

/// Downloads the linux-source of the headers' version by apt and keeps its slice. Installs nothing.
///
/// # Errors
///
/// If the headers belong to no package, apt can't get that version, or its slice can't be taken.
pub fn by_apt(system: &System, kernel: &Kernel) -> Result<Slice> {
    let release = &kernel.release;
    let Some(source) = version::package(system, kernel) else {
        bail!("{release}: its headers are not from a package, so apt can't find its source");
    };
    let package = format!("{}={}", linux_source(kernel), source.version);
    let work = WorkDir::new(&system.state(), "fetch")?;
    let mut apt = clean("apt-get");
    apt.current_dir(work.path())
        .envs(
            PROXIES
                .iter()
                .filter_map(|name| Some((name, env::var_os(name)?))),
        )
        // Otherwise apt warns that its sandbox user can't write here, and downloads as root anyway.
        .args(["-q", "-o", "APT::Sandbox::User=root", "download", &package])
        .stdout(io::stderr());
    let status = run::status(&mut apt, "apt-get")?;
    ensure!(
        status.success(),
        "{release}: apt can't download {package} ({status}); if its lists are old: apt update"
    );
    let deb = crate::system::names_in(work.path())
        .into_iter()
        .find(|name| name.ends_with(".deb"))
        .with_context(|| format!("apt-get downloaded no {package}"))?;
    of_package(system, kernel, &work.path().join(deb), false, &work)
}

/// Takes the slice from a directory, a tarball or a `.deb`.
///
/// # Errors
///
/// If that is not a kernel's source, or is of another version than the headers and `force` is not
/// set.
pub fn from(system: &System, kernel: &Kernel, path: &Path, force: bool) -> Result<Slice> {
    let path = fs::canonicalize(path).with_context(|| format!("can't find {}", path.display()))?;
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    if path.is_dir() {
        return Slice::take(system, kernel, &path, None, force);
    }
    let work = WorkDir::new(&system.state(), "fetch")?;
    if name.ends_with(".deb") {
        return of_package(system, kernel, &path, force, &work);
    }
    of_tarball(system, kernel, &path, None, force, &work)
}

fn of_package(
    system: &System,
    kernel: &Kernel,
    deb: &Path,
    force: bool,
    work: &WorkDir,
) -> Result<Slice> {
    let mut show = clean("dpkg-deb");
    show.args(["--show", "--showformat=${source:Package} ${source:Version}"]);
    let debian = answer(show.arg(deb))
        .with_context(|| format!("{} is not a Debian package", deb.display()))?;
    let mut unpack = clean("dpkg-deb")
        .arg("--fsys-tarfile")
        .arg(deb)
        .stdout(Stdio::piped())
        .spawn()
        .context("can't run dpkg-deb")?;
    let stream = unpack.stdout.take().context("dpkg-deb has no output")?;
    let tarball = tarball_in(stream, work.path());
    // What follows the tarball is not read, so dpkg-deb may be ended by a signal.
    unpack.wait().context("can't wait for dpkg-deb")?;
    let tarball = tarball
        .and_then(|found| found.context("it contains no usr/src/linux-source-*.tar.*"))
        .with_context(|| format!("can't read {}", deb.display()))?;
    of_tarball(system, kernel, &tarball, Some(debian), force, work)
}

/// Writes the source tarball in a package's files to `work`, and returns its path.
fn tarball_in(stream: impl io::Read, work: &Path) -> Result<Option<PathBuf>> {
    for entry in tar::Archive::new(stream).entries()? {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        let inside = path.strip_prefix(".").unwrap_or(&path);
        let Some(name) = inside
            .strip_prefix("usr/src")
            .ok()
            .and_then(|name| name.to_str())
            .filter(|name| !name.contains('/') && name.contains(".tar."))
        else {
            continue;
        };
        if entry.header().entry_type().is_file() {
            let to = work.join(name);
            io::copy(&mut entry, &mut File::create_new(&to)?)?;
            return Ok(Some(to));
        }
    }
    Ok(None)
}

fn of_tarball(
    system: &System,
    kernel: &Kernel,
    tarball: &Path,
    debian: Option<String>,
    force: bool,
    work: &WorkDir,
) -> Result<Slice> {
    // Debian's tarballs have some 70 blocks, of which only a few must be read. tar reads other
    // tarballs as a whole.
    if Xz::open(tarball).is_ok_and(|xz| xz.blocks() > FEW_BLOCKS) {
        return Slice::take(system, kernel, tarball, debian, force);
    }
    let tree = work.path().join("tree");
    fs::create_dir(&tree).with_context(|| tree.display().to_string())?;
    let mut tar = clean("tar");
    tar.arg("-xf")
        .arg(tarball)
        .arg("-C")
        .arg(&tree)
        .args(["--strip-components=1", "--no-same-owner", "--wildcards"])
        .args(WANTED)
        .stderr(Stdio::null());
    let status = run::status(&mut tar, "tar")?;
    // tar complains about patterns that match nothing. If something is missing, the next step
    // fails.
    Slice::take(system, kernel, &tree, debian, force)
        .with_context(|| format!("{} (tar: {status})", tarball.display()))
}
