// SPDX-License-Identifier: GPL-2.0-only

//! The apt repository, which reprepro writes and signs.

use super::config::{Fleet, Suite};
use crate::system::run::{logged, step};
use crate::system::search::program;
use anyhow::{Context, Result, ensure};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// A suite, with the architectures and the packages that it has.
pub struct Contents<'a> {
    /// The suite.
    pub suite: &'a Suite,
    /// Debian's names of the architectures.
    pub architectures: BTreeSet<String>,
    /// The files of the packages.
    pub debs: Vec<PathBuf>,
}

/// Makes sure that there is a key to sign with, which would otherwise turn out only after all builds.
///
/// # Errors
///
/// If there is none.
pub fn can_sign(fleet: &Fleet) -> Result<()> {
    let key = &fleet.repository_key;
    let mut list = Command::new(program("gpg"));
    list.args(["--batch", "--list-secret-keys", "--", key]);
    let list = list
        .stdin(Stdio::null())
        .output()
        .context("can't run gpg")?;
    ensure!(
        list.status.success(),
        "gpg has no secret key {key} in the keyring of who builds; to make one as that user: \
         gpg --batch --passphrase '' --quick-generate-key {key} ed25519 sign never"
    );
    Ok(())
}

/// Adds the packages to the repository. Those that it has already stay as they are.
///
/// # Errors
///
/// If reprepro fails, such as when a package changed under the same version.
pub fn write(fleet: &Fleet, contents: &[Contents<'_>]) -> Result<PathBuf> {
    let folder = fleet.directory.join("repository");
    let conf = folder.join("conf");
    let text = distributions(fleet, contents);
    let new = conf.join("distributions.new");
    fs::create_dir_all(&conf)
        .and_then(|()| fs::write(&new, text))
        .and_then(|()| fs::rename(&new, conf.join("distributions")))
        .with_context(|| format!("can't write {}/distributions", conf.display()))?;
    let log = fleet.directory.join("repository.log");
    step("writing the repository", || {
        for Contents { suite, debs, .. } in contents {
            let mut add = Command::new(program("reprepro"));
            add.arg("--basedir")
                .arg(&folder)
                .args(["includedeb", &suite.name]);
            logged(add.args(debs), "reprepro", &log)
                .with_context(|| format!("{}: can't add its packages", suite.name))?;
        }
        Ok(())
    })?;
    Ok(folder)
}

/// Returns reprepro's description of the repository.
fn distributions(fleet: &Fleet, contents: &[Contents<'_>]) -> String {
    let mut text = String::new();
    for Contents {
        suite,
        architectures,
        ..
    } in contents
    {
        let architectures: Vec<&str> = architectures.iter().map(String::as_str).collect();
        let _ = write!(
            text,
            "Codename: {}\nArchitectures: {}\nComponents: main\nSignWith: {}\n\n",
            suite.name,
            architectures.join(" "),
            fleet.repository_key
        );
    }
    text
}
