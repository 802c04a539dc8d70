// SPDX-License-Identifier: GPL-2.0-only

//! `xtask repo`: makes an apt repository of the packages in target/repo, so that they can be
//! installed by name. The repository is flat (no pool, one suite). It is signed with a key that is
//! made for it and then thrown away; users trust it through the key file in the repository.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use crate::host::project::Project;
use crate::host::run::Cmd;
use crate::host::{date, files, machine, ui};
use crate::package::deb;

/// The name of the key file in the repository.
pub const KEY: &str = "procdriver.asc";
/// The name of the sources file for apt.
pub const SOURCES: &str = "procdriver.sources";

/// Builds the packages and the repository, and prints how to use it.
pub fn task(project: &Project) -> Result<bool> {
    let debs = deb::build(project)?;
    let dir = build(project, &debs)?;
    ui::say(&format!(
        "the repository is {}; to use it on this machine:",
        dir.display()
    ));
    ui::say(&format!(
        "  cp {}/{SOURCES} /etc/apt/sources.list.d/",
        dir.display()
    ));
    ui::say("  apt update && apt install procdriver-dkms");
    Ok(true)
}

/// Makes a repository of these packages in target/repo.
pub fn build(project: &Project, debs: &[PathBuf]) -> Result<PathBuf> {
    machine::need(machine::REPO)?;
    let dir = project.target.join("repo");
    ui::step("make the apt repository", || build_in(&dir, debs, project))?;
    println!("{}", dir.display());
    Ok(dir)
}

fn build_in(dir: &Path, debs: &[PathBuf], project: &Project) -> Result<()> {
    // Build it in a separate directory and rename that, so that a failure leaves no partial
    // repository.
    let work = project.target.join("repo.new");
    files::make_empty_dir(&work)?;
    of(debs, &work, dir)?;
    files::remove(dir)?;
    files::rename(&work, dir)
}

/// Copies packages into `dir` and makes a repository of them. `place` is the path at which apt will
/// see it.
pub fn of<'a>(debs: impl IntoIterator<Item = &'a PathBuf>, dir: &Path, place: &Path) -> Result<()> {
    files::make_dir(dir)?;
    for deb in debs {
        let name = deb.file_name().context("a package without a name")?;
        files::copy(deb, &dir.join(name))?;
    }
    index(dir, place)
}

/// Makes a repository of the packages in `dir`. `place` is the path at which apt will see it.
pub fn index(dir: &Path, place: &Path) -> Result<()> {
    let debs = files::list(dir)?;
    let debs = debs
        .iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "deb"));
    let packages: Result<String> = debs.map(|deb| index_entry(deb)).collect();
    let packages = packages?;
    write(&dir.join("Packages"), &packages)?;
    // The date of the index is the current time. apt rejects an index from the future.
    let date = date::now()?;
    write(&dir.join("Release"), &release(&packages, &date))?;
    let key = sign(dir)?;
    write(&dir.join(KEY), &key)?;
    write(&dir.join(SOURCES), &sources(place, &key))
}

/// Returns a package's paragraph in the index: its control file, and what is needed to fetch it.
fn index_entry(deb: &Path) -> Result<String> {
    let control = Cmd::new("dpkg-deb").arg("--field").arg(deb).stdout()?;
    let bytes = files::bytes(deb)?;
    let name = deb
        .file_name()
        .context("a package without a name")?
        .to_string_lossy();
    Ok(paragraph(&control, &name, &bytes))
}

fn paragraph(control: &str, name: &str, bytes: &[u8]) -> String {
    format!(
        "{}\nFilename: ./{name}\nSize: {}\nSHA256: {}\n\n",
        control.trim_end(),
        bytes.len(),
        sha256(bytes)
    )
}

fn sha256(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in Sha256::digest(bytes) {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn release(packages: &str, date: &str) -> String {
    format!(
        "Origin: procdriver\nLabel: procdriver\nSuite: local\nCodename: local\nDate: {date}\n\
         Architectures: all amd64\nDescription: packages of procdriver-dkms, built here\n\
         SHA256:\n {} {} Packages\n",
        sha256(packages.as_bytes()),
        packages.len()
    )
}

/// Signs Release into InRelease, and returns the public key.
fn sign(dir: &Path) -> Result<String> {
    // The secret key exists only in this directory, and is deleted with it. The socket of gpg-agent
    // is also there, and the path of a socket must be short: so use the system's temporary
    // directory.
    let home = tempfile::Builder::new()
        .prefix("gpg")
        .tempdir()
        .context("cannot make a folder for the key")?;
    let gpg = || {
        Cmd::new("gpg")
            .arg("--homedir")
            .arg(home.path())
            .args(["--batch", "--quiet", "--yes"])
    };
    let signed = (|| {
        gpg()
            .args(["--pinentry-mode", "loopback", "--passphrase", ""])
            .args([
                "--quick-generate-key",
                "procdriver local repository",
                "ed25519",
                "sign",
                "0",
            ])
            .run()?;
        gpg()
            .args(["--digest-algo", "SHA512", "--clear-sign", "--output"])
            .arg(dir.join("InRelease"))
            .arg(dir.join("Release"))
            .run()?;
        gpg().args(["--armor", "--export"]).stdout()
    })();
    // The agent that gpg started would keep running.
    let _ = Cmd::new("gpgconf")
        .arg("--homedir")
        .arg(home.path())
        .args(["--kill", "all"])
        .try_run();
    signed
}

/// Returns a deb822 sources file that contains the key, so that apt needs only this file.
fn sources(dir: &Path, key: &str) -> String {
    let mut text = format!(
        "# SPDX-License-Identifier: GPL-2.0-only\nTypes: deb\nURIs: file:{}\nSuites: ./\nSigned-By:\n",
        dir.display()
    );
    for line in key.lines() {
        text.push_str(if line.is_empty() { " ." } else { " " });
        text.push_str(line);
        text.push('\n');
    }
    text
}

/// Returns the sources file for a repository that is at another place, such as in a guest.
pub fn sources_at(repo: &Path, place: &str) -> Result<String> {
    let path = repo.join(KEY);
    let key = files::text(&path)?;
    Ok(sources(Path::new(place), &key))
}

fn write(path: &Path, text: &str) -> Result<()> {
    files::write(path, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_entry_is_the_control_file_and_where_and_what_the_file_is() {
        let text = paragraph("Package: a\nVersion: 1\n", "a_1_all.deb", b"abc");
        assert_eq!(
            text,
            "Package: a\nVersion: 1\nFilename: ./a_1_all.deb\nSize: 3\nSHA256: \
             ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n\n"
        );
    }

    #[test]
    fn release_has_the_size_and_sum_of_the_index() {
        let text = release("abc", "Sun, 22 Nov 2026 20:00:00 +0000");
        let sum = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert!(
            text.ends_with(&format!("SHA256:\n {sum} 3 Packages\n")),
            "{text}"
        );
    }

    #[test]
    fn the_key_is_folded_into_the_sources_file_with_dots_for_empty_lines() {
        let text = sources(Path::new("/r"), "BEGIN\n\nmQ\nEND\n");
        assert!(text.ends_with("URIs: file:/r\nSuites: ./\nSigned-By:\n BEGIN\n .\n mQ\n END\n"));
    }
}
