// SPDX-License-Identifier: GPL-2.0-only

//! Checks of the packages that need no installation, with Debian 13's own tools.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use crate::debian::chroot::Chroot;
use crate::debian::setup::Setup;
use crate::guest::full_guest;
use crate::host::files;
use crate::host::run::Cmd;
use crate::life;

use super::confined;
use super::tally::Tally;

/// Where the packages are in the root.
const PLACE: &str = "/srv/debs";

/// Runs lintian and shellcheck on the packages and their scripts, and man on their pages.
pub fn run(setup: &Setup<'_>, tally: &mut Tally) {
    let chroot = match open(setup) {
        Ok(chroot) => chroot,
        Err(error) => return tally.fail("package/open", &format!("{error:#}")),
    };
    tally.case("package/scripts/not-shipped", || {
        own_scripts(setup, &chroot)
    });
    for deb in &setup.debs {
        let file = deb
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let name = file.split('_').next().unwrap_or(&file).to_owned();
        tally.case(&format!("package/lintian/{name}"), || {
            lintian(setup, &chroot, &Path::new(PLACE).join(&file))
        });
        tally.case(&format!("package/scripts/{name}"), || {
            scripts(setup, &chroot, &format!("{PLACE}/{file}"))
        });
        tally.case(&format!("package/man-pages/{name}"), || {
            man_pages(setup, &chroot, &format!("{PLACE}/{file}"))
        });
        if name == "dkms-rust-common" {
            tally.case("package/completions", || {
                completions(setup, &chroot, &format!("{PLACE}/{file}"))
            });
        }
        tally.case(&format!("package/no-paths-of-this-machine/{name}"), || {
            no_paths(setup, deb)
        });
    }
}

fn open(setup: &Setup<'_>) -> Result<Chroot> {
    let mut chroot = Chroot::new(setup.project, &setup.checks)?;
    chroot.bind(&setup.repo, PLACE)?;
    Ok(chroot)
}

/// Fails if lintian reports anything about the package at `file` in the root.
pub fn lintian(setup: &Setup<'_>, chroot: &Chroot, file: &Path) -> Result<()> {
    let output = chroot
        .cmd("lintian")
        .args([
            "--allow-root",
            "--pedantic",
            "--display-info",
            "--fail-on",
            "error,warning,info,pedantic",
            "--tag-display-limit",
            "0",
        ])
        .arg(file)
        .log(&setup.project.log("lintian")?)
        .try_run()?;
    output.must_succeed("lintian").map(drop)
}

/// Unpacks a package in the root, into its own directory.
fn unpack(setup: &Setup<'_>, chroot: &Chroot, file: &str) -> Result<String> {
    let name = Path::new(file).file_name().unwrap_or_default();
    let place = format!("/tmp/{}.d", name.to_string_lossy());
    if !chroot.path().join(place.trim_start_matches('/')).exists() {
        chroot
            .cmd("dpkg-deb")
            .arg("--raw-extract")
            .args([file, &place])
            .log(&setup.project.log("package-checks")?)
            .run()?;
    }
    Ok(place)
}

/// Runs shellcheck on every shell script in the package at `file` in the root, whether dpkg or a user runs it. Scripts
/// that are embedded in dkms-rust are checked in the step `authors`.
pub fn scripts(setup: &Setup<'_>, chroot: &Chroot, file: &str) -> Result<()> {
    let place = unpack(setup, chroot, file)?;
    let find = format!("grep -rIlE -m1 '^#! ?/bin/(ba|da)?sh' {place}");
    let found = chroot.sh(&find).try_run()?.text;
    let log = setup.project.log("shellcheck")?;
    for script in found.lines() {
        chroot
            .cmd("shellcheck")
            .args(["--shell=sh", script])
            .log(&log)
            .run()?;
    }
    Ok(())
}

/// The shells' completion files, below /usr/share.
const COMPLETIONS: [&str; 3] = [
    "bash-completion/completions/dkms-rust",
    "fish/vendor_completions.d/dkms-rust.fish",
    "zsh/vendor-completions/_dkms-rust",
];

/// Asks bash for completions of `sta`.
const COMPLETE: &str = "source $1; set -- $(complete -p dkms-rust); \
    while [ $1 != -F ]; do shift; done; \
    COMP_WORDS=(dkms-rust sta); COMP_CWORD=1; $2 dkms-rust sta dkms-rust; echo ${COMPREPLY[@]}";

/// Checks that the file for each shell contains all commands, and that bash completes one.
fn completions(setup: &Setup<'_>, chroot: &Chroot, file: &str) -> Result<()> {
    let place = unpack(setup, chroot, file)?;
    for name in COMPLETIONS {
        let path = chroot
            .path()
            .join(format!("{}/usr/share/{name}", &place[1..]));
        let text = files::text(&path)?;
        for command in dkms_rust::cli::command().get_subcommands() {
            let command = command.get_name();
            ensure!(text.contains(command), "{name} does not have {command}");
        }
    }
    let bash = format!("{place}/usr/share/{}", COMPLETIONS[0]);
    let line = format!("bash -n {bash} && bash -c '{COMPLETE}' - {bash}");
    let said = chroot.sh(&line).run()?.text;
    ensure!(said == "status\n", "bash completes `sta` as `{said}`");
    Ok(())
}

/// Runs shellcheck on the scripts that the packages do not ship: those of guests and roots.
fn own_scripts(setup: &Setup<'_>, chroot: &Chroot) -> Result<()> {
    let log = setup.project.log("shellcheck")?;
    for (name, text) in [
        ("debian-tests-install", full_guest::INSTALL_TEST),
        ("package-life", full_guest::PACKAGE_LIFE_AND_OWN_MODULE),
        ("signing", full_guest::SIGNING),
        ("exported", full_guest::EXPORTED),
        ("tampered", confined::TAMPERED),
        ("harm", confined::HARM),
    ]
    .iter()
    .chain(life::SCRIPTS)
    {
        let place = format!("/tmp/{name}.sh");
        let file = chroot.path().join(place.trim_start_matches('/'));
        files::write(&file, text)?;
        chroot
            .cmd("shellcheck")
            .args(["--shell=sh", &place])
            .log(&log)
            .run()?;
    }
    Ok(())
}

/// Checks that man renders each page without output on standard error.
fn man_pages(setup: &Setup<'_>, chroot: &Chroot, file: &str) -> Result<()> {
    let place = unpack(setup, chroot, file)?;
    let pages = chroot
        .sh(&format!("find {place} -path '*/usr/share/man/*' -type f"))
        .run()?
        .text;
    let programs = chroot.path().join(&place[1..]).join("usr/bin").exists();
    if pages.is_empty() && programs {
        bail!("{file} has programs, but no man page");
    }
    for page in pages.lines() {
        let render =
            format!("MANWIDTH=80 man --warnings=w -E UTF-8 -l -Tutf8 -Z {page} >/dev/null");
        let output = chroot
            .sh(&render)
            .log(&setup.project.log("package-checks")?)
            .run()?;
        if !output.text.is_empty() {
            bail!("man on {page} says: {}", output.text.trim_end());
        }
    }
    Ok(())
}

/// Checks that the package contains no directories of the build machine: they are private, and
/// would make builds differ.
fn no_paths(setup: &Setup<'_>, deb: &Path) -> Result<()> {
    let dir = tempfile::tempdir().context("cannot make a folder")?;
    Cmd::new("dpkg-deb")
        .arg("--raw-extract")
        .arg(deb)
        .arg(dir.path())
        .run()?;
    let home = std::env::var("HOME").unwrap_or_default();
    let mut needles = vec![setup.project.source.display().to_string()];
    // Do not search for the home directory itself: `/root` also occurs in scripts that run as root.
    needles.push(format!("{home}/.cargo"));
    search(dir.path(), &needles)
}

fn search(dir: &Path, needles: &[String]) -> Result<()> {
    for path in files::list(dir)? {
        if path.is_dir() {
            search(&path, needles)?;
            continue;
        }
        let bytes = files::bytes(&path)?;
        for needle in needles {
            if bytes
                .windows(needle.len())
                .any(|window| window == needle.as_bytes())
            {
                bail!("{} has {needle} in it", path.display());
            }
        }
    }
    Ok(())
}
