// SPDX-License-Identifier: GPL-2.0-only

//! The file that describes a fleet. Unknown keys are errors, because they are most often misspelt.

use crate::pack::is_in_token;
use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// A fleet: what is built for which kernels, and where it goes.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Fleet {
    /// The directory with the apt repository, and everything that is kept between builds.
    pub directory: PathBuf,
    /// Debian packages, or directories with them: the DKMS packages, dkms-rust, and what else the
    /// chroots need. All of them go into the repository, too.
    pub debs: Vec<PathBuf>,
    /// The names of the DKMS packages whose modules are built.
    pub packages: Vec<String>,
    /// The private key for the modules: a file, or a `pkcs11:` URI. Without it they are not signed.
    pub key: Option<String>,
    /// The certificate of that key.
    pub certificate: Option<PathBuf>,
    /// The configuration of OpenSSL with which modules are signed, such as one that loads the
    /// provider for a PKCS#11 token.
    pub openssl_config: Option<PathBuf>,
    /// The GnuPG key that signs the repository: its fingerprint.
    pub repository_key: String,
    /// More packages from the archive for the chroots, such as those that a PKCS#11 token needs.
    #[serde(default)]
    pub include: Vec<String>,
    /// Options for apt in the chroots, such as `Acquire::http::Proxy "http://proxy:3128"`.
    #[serde(default)]
    pub apt_options: Vec<String>,
    /// Directories and files of this machine that the chroots see at the same path.
    #[serde(default)]
    pub mounts: Vec<PathBuf>,
    /// How many suites are built side by side.
    #[serde(default = "one")]
    pub parallel: usize,
    /// The suites.
    #[serde(rename = "suite")]
    pub suites: Vec<Suite>,
}

/// A suite of Debian, with its kernels.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Suite {
    /// Its codename, which is also that in the repository.
    pub name: String,
    /// The name of the suite that the chroot is made of, if that differs: backports are not whole.
    pub base: Option<String>,
    /// The file with apt's sources for it.
    pub sources: PathBuf,
    /// The architecture, if it is not that of this machine.
    pub architecture: Option<String>,
    /// Releases of kernels; `*` stands for any text.
    #[serde(default = "all")]
    pub kernels: Vec<String>,
    /// The flavours whose newest kernel gets a metapackage, such as `amd64` for linux-image-amd64.
    #[serde(default)]
    pub flavours: Vec<String>,
}

fn one() -> usize {
    1
}

fn all() -> Vec<String> {
    vec!["*".to_owned()]
}

impl Fleet {
    /// Reads the file. Paths in it are relative to its directory.
    ///
    /// # Errors
    ///
    /// If it can't be read, or does not make sense.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path);
        let text = text.with_context(|| format!("can't read {}", path.display()))?;
        let folder = fs::canonicalize(path)?;
        let folder = folder.parent().unwrap_or(Path::new("/"));
        let fleet = Self::parse(&text, folder).with_context(|| path.display().to_string())?;
        fleet
            .can_read()
            .with_context(|| path.display().to_string())?;
        Ok(fleet)
    }

    /// Returns the file with the key; `None` without a key, or if it is in a token.
    pub fn key_file(&self) -> Option<&Path> {
        let key = self.key.as_ref()?;
        (!is_in_token(key)).then_some(Path::new(key))
    }

    /// Makes sure that the files that it names can be read, which would otherwise turn out only after
    /// the chroots are made.
    fn can_read(&self) -> Result<()> {
        let own = self.certificate.iter().chain(&self.openssl_config);
        let sources = self.suites.iter().map(|suite| &suite.sources);
        let named = own.chain(sources).map(PathBuf::as_path);
        for path in self.key_file().into_iter().chain(named) {
            File::open(path).with_context(|| format!("can't read {}", path.display()))?;
        }
        for path in &self.mounts {
            ensure!(path.exists(), "{} in mounts does not exist", path.display());
        }
        Ok(())
    }

    fn parse(text: &str, folder: &Path) -> Result<Self> {
        let mut fleet: Self = toml::from_str(text)?;
        ensure!(!fleet.suites.is_empty(), "there is no [[suite]]");
        ensure!(!fleet.packages.is_empty(), "packages is empty");
        ensure!(fleet.parallel > 0, "parallel must be at least 1");
        ensure!(
            fleet.key.is_some() == fleet.certificate.is_some(),
            "key and certificate belong together"
        );
        for (number, suite) in fleet.suites.iter().enumerate() {
            ensure!(
                is_word(&suite.name),
                "{:?} is not the name of a suite",
                suite.name
            );
            let mut before = fleet.suites[..number].iter();
            let twice = before.any(|other| other.name == suite.name);
            ensure!(!twice, "the suite {} is listed twice", suite.name);
        }
        for word in fleet.packages.iter().chain(&fleet.include) {
            ensure!(is_word(word), "{word:?} is not the name of a package");
        }
        for path in &fleet.mounts {
            ensure!(
                path.is_absolute(),
                "{} in mounts does not begin with /",
                path.display()
            );
        }
        fleet.directory = folder.join(&fleet.directory);
        let suites = fleet.suites.iter_mut().map(|suite| &mut suite.sources);
        let own = fleet.debs.iter_mut().chain(&mut fleet.certificate);
        for path in own.chain(&mut fleet.openssl_config).chain(suites) {
            *path = folder.join(&path);
        }
        if let Some(key) = fleet.key_file() {
            fleet.key = Some(folder.join(key).display().to_string());
        }
        Ok(fleet)
    }
}

impl Suite {
    /// Whether modules are built for a kernel.
    pub fn wants(&self, release: &str) -> bool {
        self.kernels.iter().any(|pattern| matches(pattern, release))
    }
}

/// Whether a text is a name that is safe in paths, in commands and in files of other programs.
fn is_word(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "+-._".contains(c);
    text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(allowed)
}

/// Whether a text is what a pattern says, in which `*` stands for any text.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => text.strip_prefix(start).is_some_and(|text| {
            let mut ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            ends.any(|at| matches(rest, &text[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: &str = "directory = \"fleet\"\ndebs = [\"debs\"]\npackages = [\"p-dkms\"]\n\
                         repository-key = \"0123\"\n";
    const SUITE: &str = "[[suite]]\nname = \"trixie\"\nsources = \"/etc/apt/sources.list\"\n";

    fn parse(more: &str, suites: &str) -> Result<Fleet> {
        Fleet::parse(&format!("{LEAST}{more}{suites}"), Path::new("/srv"))
    }

    #[test]
    fn paths_are_relative_to_the_file() {
        let more = "key = \"a.pem\"\ncertificate = \"a.der\"\n";
        let fleet = parse(more, SUITE).unwrap();
        assert_eq!(fleet.directory, Path::new("/srv/fleet"));
        assert_eq!(fleet.debs, [Path::new("/srv/debs")]);
        assert_eq!(fleet.key.as_deref(), Some("/srv/a.pem"));
        assert_eq!(fleet.suites[0].sources, Path::new("/etc/apt/sources.list"));
        let more =
            "key = \"pkcs11:object=a\"\ncertificate = \"a.der\"\nopenssl-config = \"t.cnf\"\n";
        let fleet = parse(more, SUITE).unwrap();
        assert_eq!(fleet.key.as_deref(), Some("pkcs11:object=a"));
        assert_eq!(
            fleet.openssl_config.as_deref(),
            Some(Path::new("/srv/t.cnf"))
        );
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("fleet.toml");
        let suite = SUITE.replace("/etc/apt/sources.list", "s");
        let more = "key = \"k\"\ncertificate = \"c\"\nopenssl-config = \"o\"\n";
        fs::write(&path, format!("{LEAST}{more}{suite}")).unwrap();
        for name in ["k", "c", "o", "s"] {
            let error = format!("{:#}", Fleet::read(&path).unwrap_err());
            assert!(error.contains(&format!("/{name}: ")), "{error}");
            fs::write(dir.path().join(name), "").unwrap();
        }
        Fleet::read(&path).unwrap();
    }

    #[test]
    fn what_makes_no_sense_is_an_error() {
        for (more, suites) in [
            ("", ""),
            ("key = \"a.pem\"\n", SUITE),
            ("parallel = 0\n", SUITE),
            ("paralel = 2\n", SUITE),
            ("include = [\"-o=x\"]\n", SUITE),
            ("mounts = [\"x\"]\n", SUITE),
            ("", "[[suite]]\nname = \"../x\"\nsources = \"s\"\n"),
        ] {
            assert!(parse(more, suites).is_err(), "{more}{suites}");
        }
        let twice = format!("{SUITE}{SUITE}");
        assert!(parse("", &twice).unwrap_err().to_string().contains("twice"));
    }

    #[test]
    fn kernels_are_named_or_described() {
        let mut fleet = parse("", SUITE).unwrap();
        let suite = &mut fleet.suites[0];
        assert!(suite.wants("6.12.1-amd64"));
        suite.kernels = vec!["6.12.*-amd64".into(), "7.3.4-amd64".into()];
        let wants = |release| suite.wants(release);
        assert!(wants("6.12.1-amd64") && wants("6.12.1-cloud-amd64") && wants("7.3.4-amd64"));
        assert!(!wants("6.13.1-amd64") && !wants("7.3.4-amd64x") && !wants("6.12.1-amd64-dbg"));
    }
}
