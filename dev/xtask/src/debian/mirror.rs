// SPDX-License-Identifier: GPL-2.0-only

//! Where this machine gets Debian packages from. We read its apt configuration, so that the test
//! roots use the same mirror, proxy and keyring.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::debian::sources::{self, Archive};
use crate::host::machine;
use crate::host::run::Cmd;

/// The Debian archive of this machine, and the apt options to reach it.
#[derive(Clone, Debug)]
pub struct Mirror {
    /// The address of the archive.
    pub uri: String,
    /// The keyring that verifies it.
    pub keyring: PathBuf,
    /// Lines of apt.conf that the machine needs to reach or trust the archive (proxies, date
    /// checks).
    pub apt_options: Vec<String>,
}

/// Debian's own keyring, for entries that name none.
const DEBIAN_KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Options that affect how an archive is reached and trusted. All others stay with the machine.
const OPTIONS: &[&str] = &[
    "Acquire::Check-Valid-Until",
    "Acquire::Check-Date",
    "Acquire::ForceIPv4",
    "Acquire::ForceIPv6",
    "Acquire::Retries",
    "Acquire::http::Proxy",
    "Acquire::https::Proxy",
    "Acquire::https::CAInfo",
];

impl Mirror {
    /// Finds the archive in the machine's apt configuration.
    pub fn find() -> Result<Self> {
        let release = machine::read_os_release()?;
        let codename = machine::os_release(&release, "VERSION_CODENAME");
        let archives = sources::read(Path::new("/etc/apt"))?;
        let Some(archive) = debian_archive(&archives, codename.as_deref()) else {
            bail!(
                "no Debian archive in this machine's apt sources (looked for component main of \
                 {}); the test roots come from where the machine's own packages come from",
                codename.as_deref().unwrap_or("a Debian suite")
            );
        };
        let keyring = match &archive.signed_by {
            Some(path) if path.starts_with('/') => PathBuf::from(path),
            _ => PathBuf::from(DEBIAN_KEYRING),
        };
        if !keyring.exists() {
            bail!(
                "{} is missing. Run: apt-get install debian-archive-keyring",
                keyring.display()
            );
        }
        let dump = Cmd::new("apt-config").arg("dump").stdout()?;
        Ok(Self {
            uri: archive.uri.clone(),
            keyring,
            apt_options: options(&dump),
        })
    }

    /// Returns a `.sources` file for a suite.
    pub fn sources(&self, suite: &str) -> String {
        format!(
            "Types: deb\nURIs: {}\nSuites: {suite}\nComponents: main\nSigned-By: {}\n",
            self.uri,
            self.keyring.display()
        )
    }

    /// Returns a line of sources.list for a suite.
    pub fn source_line(&self, suite: &str) -> String {
        format!(
            "deb [signed-by={}] {} {suite} main",
            self.keyring.display(),
            self.uri
        )
    }
}

/// Returns the archive that the machine itself uses: the one with its suite.
fn debian_archive<'a>(archives: &'a [Archive], codename: Option<&str>) -> Option<&'a Archive> {
    const ROLLING: &[&str] = &["stable", "testing", "unstable", "sid"];
    let named = |archive: &&Archive, wanted: &dyn Fn(&str) -> bool| {
        archive
            .components
            .iter()
            .any(|component| component == "main")
            && archive.suites.iter().any(|suite| wanted(suite))
    };
    archives
        .iter()
        .find(|archive| named(archive, &|suite| Some(suite) == codename))
        .or_else(|| {
            archives
                .iter()
                .find(|archive| named(archive, &|s| ROLLING.contains(&s)))
        })
}

/// Returns the lines of `apt-config dump` that the test roots need.
fn options(dump: &str) -> Vec<String> {
    dump.lines()
        .filter(|line| {
            line.split_once(' ').is_some_and(|(name, value)| {
                let known = OPTIONS
                    .iter()
                    .any(|option| option.eq_ignore_ascii_case(name));
                known && value != "\"\";"
            })
        })
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_archive_is_the_one_with_the_machines_own_suite() {
        let mut archives =
            sources::parse_list("deb http://vendor.example/apt vendor-bookworm main\n");
        archives.extend(sources::parse_deb822(
            "Types: deb\nURIs: http://archive.example/debian\nSuites: bookworm bookworm-updates\n\
             Components: main contrib\n",
        ));
        let found = debian_archive(&archives, Some("bookworm")).unwrap();
        assert_eq!(found.uri, "http://archive.example/debian");
        assert_eq!(debian_archive(&archives, Some("trixie")), None);
    }

    #[test]
    fn a_machine_on_sid_is_found_without_a_codename() {
        let archives = sources::parse_list("deb http://archive.example/debian sid main\n");
        assert!(debian_archive(&archives, None).is_some());
    }

    #[test]
    fn only_options_about_reaching_and_trusting_are_kept() {
        let dump = "APT \"\";\nAcquire::Check-Date \"false\";\nAcquire::http::Proxy \"\";\n\
                    Acquire::GzipIndexes \"true\";\nAcquire::https::Proxy \"http://p:1\";\n";
        assert_eq!(
            options(dump),
            [
                "Acquire::Check-Date \"false\";",
                "Acquire::https::Proxy \"http://p:1\";"
            ]
        );
    }
}
