// SPDX-License-Identifier: GPL-2.0-only

//! Tests that packages built by somebody else, in another place, are identical.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::debian::chroot::Chroot;
use crate::debian::layers;
use crate::debian::setup::Setup;
use crate::host::project::Project;
use crate::host::run::{Cmd, copy_all};
use crate::host::{files, mounts};
use crate::package::deb;

/// Copies the source without build products, with other modes, times and owner.
const COPY: &str = r#"
set -e
umask 077
mkdir -p "$2"
tar -c -C "$1" --exclude=./target --exclude=./.git . | tar -x -C "$2" --no-same-permissions
find "$2" -exec touch -h -d 2001-02-03 {} +
chown -R 65534:65534 "$2"
"#;

/// Downloaded crates, so that they need not be downloaded again.
const DOWNLOADED: [&str; 2] = ["registry/cache", "registry/index"];

/// Builds the packages from a copy of the source in another directory, with another home, umask and
/// time zone, and compares them with `debs`.
pub fn the_same(project: &Project, debs: &[PathBuf]) -> Result<()> {
    let work = mounts::scratch_folder(project)?;
    let source = work.path().join("somewhere/else");
    let home = work.path().join("home");
    let cargo_home = home.join("crates");
    copy(project, &source, &cargo_home)?;
    let program = env::current_exe().context("cannot find my own program")?;
    Cmd::new("sh")
        .args(["-c", "umask 077; exec \"$@\"", "sh"])
        .arg(program)
        .arg("deb")
        .dir(&source)
        .env("CARGO_MANIFEST_DIR", source.join("dev/xtask"))
        .env("CARGO_TARGET_DIR", source.join("target"))
        .env("CARGO_HOME", &cargo_home)
        .env("CARGO_NET_OFFLINE", "true")
        .env("RUSTUP_HOME", from_home("RUSTUP_HOME", ".rustup")?)
        .env("HOME", &home)
        .env("TZ", "Pacific/Auckland")
        .log(&project.log("package-elsewhere")?)
        .run()?;
    let built = source.join("target/debian");
    let second: Vec<_> = debs.iter().map(|deb| built.join(name(deb))).collect();
    deb::compare(debs, &second)
}

/// Builds the packages in a Debian with its own cargo and rustc. Compares those that contain no
/// code compiled by that rustc.
pub fn by_debians_cargo(setup: &Setup<'_>) -> Result<()> {
    let Setup {
        project,
        base,
        debs,
        ..
    } = setup;
    let work = mounts::scratch_folder(project)?;
    let source = work.path().join("source");
    copy(project, &source, &work.path().join("crates"))?;
    let root = layers::with_cargo(project, base)?;
    let mut chroot = Chroot::new(project, &root)?;
    chroot.bind(work.path(), "/srv/elsewhere")?;
    chroot
        .sh(BY_DEBIANS_CARGO)
        .log(&project.log("package-debians-cargo")?)
        .run()?;
    let plain = |deb: &&PathBuf| name(deb).to_string_lossy().ends_with("_all.deb");
    let first: Vec<PathBuf> = debs.iter().filter(plain).cloned().collect();
    ensure!(!first.is_empty(), "there is no package without code");
    let built = source.join("target/debian");
    let second: Vec<PathBuf> = first.iter().map(|deb| built.join(name(deb))).collect();
    deb::compare(&first, &second)
}

const BY_DEBIANS_CARGO: &str = "cd /srv/elsewhere/source && CARGO_HOME=/srv/elsewhere/crates \
     CARGO_NET_OFFLINE=true cargo run --locked --package xtask -- deb";

/// Copies the source without build products, and the downloaded crates.
fn copy(project: &Project, source: &Path, cargo_home: &Path) -> Result<()> {
    Cmd::new("sh")
        .args(["-c", COPY, "copy"])
        .args([&project.source, source])
        .run()?;
    files::make_dir(&cargo_home.join("registry"))?;
    for part in DOWNLOADED {
        let there = from_home("CARGO_HOME", ".cargo")?.join(part);
        copy_all(&there, &cargo_home.join(part))?;
    }
    Ok(())
}

fn name(path: &Path) -> OsString {
    path.file_name().unwrap_or_default().to_owned()
}

fn from_home(variable: &str, usual: &str) -> Result<PathBuf> {
    if let Some(place) = env::var_os(variable) {
        return Ok(place.into());
    }
    let home = env::var_os("HOME").context("HOME is not set")?;
    Ok(Path::new(&home).join(usual))
}
