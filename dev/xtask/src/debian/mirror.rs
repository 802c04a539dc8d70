// SPDX-License-Identifier: GPL-2.0-only

//! Where Debian packages come from on this machine: read from its own apt configuration, so that
//! whatever mirror, proxy or keyring the machine was given is used for the test roots as well.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::host::machine;
use crate::host::run::Cmd;

/// What apt is told of one archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archive {
    /// The address of the archive.
    pub uri: String,
    /// The suites that the machine takes from it.
    pub suites: Vec<String>,
    /// The components, such as `main`.
    pub components: Vec<String>,
    /// The keyring that it is checked with, where the entry names one.
    pub signed_by: Option<String>,
}

/// The Debian archive of this machine, and how apt is to talk to it.
#[derive(Clone, Debug)]
pub struct Mirror {
    /// The address of the archive.
    pub uri: String,
    /// The keyring that it is checked with.
    pub keyring: PathBuf,
    /// Lines of apt.conf that the machine needs to reach or trust it (proxies, checks of dates).
    pub apt_options: Vec<String>,
}

/// Where Debian's own keys are when an entry names no keyring.
const DEBIAN_KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Options that say how to reach and trust an archive; all others are the machine's own matter.
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
    /// Finds it in the machine's apt configuration.
    pub fn find() -> Result<Self> {
        let release = machine::read_os_release()?;
        let codename = machine::os_release(&release, "VERSION_CODENAME");
        let archives = read_sources(Path::new("/etc/apt"))?;
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

    /// The line of a sources.list for a suite.
    pub fn source_line(&self, suite: &str) -> String {
        format!(
            "deb [signed-by={}] {} {suite} main",
            self.keyring.display(),
            self.uri
        )
    }
}

fn read_sources(etc: &Path) -> Result<Vec<Archive>> {
    let mut files = vec![etc.join("sources.list")];
    if let Ok(entries) = fs::read_dir(etc.join("sources.list.d")) {
        let mut more: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        more.sort();
        files.extend(more);
    }
    let mut archives = Vec::new();
    for file in files {
        let parse = match file.extension().and_then(|extension| extension.to_str()) {
            Some("list") => parse_list,
            Some("sources") => parse_deb822,
            _ => continue,
        };
        if file.exists() {
            let text = fs::read_to_string(&file)
                .with_context(|| format!("cannot read {}", file.display()))?;
            archives.extend(parse(&text));
        }
    }
    Ok(archives)
}

/// The archive that the machine itself lives on, told by the suite of that name.
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

/// One archive a line: `deb [options] uri suite component...`.
fn parse_list(text: &str) -> Vec<Archive> {
    text.lines().filter_map(parse_line).collect()
}

fn parse_line(line: &str) -> Option<Archive> {
    let line = line.split('#').next()?.trim();
    let rest = line
        .strip_prefix("deb")?
        .strip_prefix([' ', '\t'])?
        .trim_start();
    let (options, rest) = match rest.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => ("", rest),
    };
    let signed_by = options
        .split_whitespace()
        .find_map(|option| option.strip_prefix("signed-by="))
        .map(str::to_owned);
    let mut words = rest.split_whitespace().map(str::to_owned);
    Some(Archive {
        uri: words.next()?,
        suites: vec![words.next()?],
        components: words.collect(),
        signed_by,
    })
}

/// Paragraphs of `Field: value`, as in Debian's control files.
fn parse_deb822(text: &str) -> Vec<Archive> {
    text.split("\n\n").flat_map(parse_paragraph).collect()
}

fn parse_paragraph(paragraph: &str) -> Vec<Archive> {
    let words = |name: &str| -> Vec<String> {
        field(paragraph, name)
            .split_whitespace()
            .map(str::to_owned)
            .collect()
    };
    let off = field(paragraph, "Enabled").eq_ignore_ascii_case("no");
    if off || !words("Types").iter().any(|kind| kind == "deb") {
        return Vec::new();
    }
    // A key may also stand in the field itself, which is no file that could be named.
    let signed_by = words("Signed-By")
        .into_iter()
        .next()
        .filter(|path| path.starts_with('/'));
    words("URIs")
        .into_iter()
        .map(|uri| Archive {
            uri,
            suites: words("Suites"),
            components: words("Components"),
            signed_by: signed_by.clone(),
        })
        .collect()
}

/// The value of a field, with its continuation lines and without comments.
fn field(paragraph: &str, name: &str) -> String {
    let mut value = String::new();
    let mut inside = false;
    for line in paragraph.lines().filter(|line| !line.starts_with('#')) {
        if line.starts_with([' ', '\t']) {
            if inside {
                value.push_str(line);
            }
            continue;
        }
        let (key, rest) = line.split_once(':').unwrap_or((line, ""));
        inside = key.eq_ignore_ascii_case(name);
        if inside {
            value.push_str(rest);
        }
    }
    value.trim().to_owned()
}

/// The lines of `apt-config dump` that are worth taking along.
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

    const DEB822: &str = "\
Types: deb
# A comment that apt ignores
URIs: http://archive.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/a.gpg

Types: deb
URIs: http://archive.example/debian-security
Suites: bookworm-security
Components: main

Types: deb-src
URIs: http://archive.example/debian
Suites: bookworm
Components: main
";

    #[test]
    fn deb822_sources_are_read_and_source_packages_left_out() {
        let archives = parse_deb822(DEB822);
        assert_eq!(archives.len(), 2);
        assert_eq!(archives[0].uri, "http://archive.example/debian");
        assert_eq!(archives[0].suites, ["bookworm", "bookworm-updates"]);
        assert_eq!(archives[0].components, ["main", "contrib"]);
        assert_eq!(
            archives[0].signed_by.as_deref(),
            Some("/usr/share/keyrings/a.gpg")
        );
    }

    #[test]
    fn one_line_sources_are_read_with_their_options() {
        let archives = parse_list(
            "# deb http://off.example x main\n\
             deb [arch=amd64 signed-by=/k.gpg] http://on.example/debian trixie main # why\n\
             deb-src http://on.example/debian trixie main\n\
             debug http://no.example x main\n",
        );
        assert_eq!(archives.len(), 1);
        assert_eq!(archives[0].uri, "http://on.example/debian");
        assert_eq!(archives[0].suites, ["trixie"]);
        assert_eq!(archives[0].signed_by.as_deref(), Some("/k.gpg"));
    }

    #[test]
    fn a_switched_off_entry_does_not_count() {
        let text = "Types: deb\nEnabled: no\nURIs: http://a\nSuites: trixie\nComponents: main\n";
        assert!(parse_deb822(text).is_empty());
    }

    #[test]
    fn a_key_inside_the_entry_is_not_taken_for_a_path() {
        let text = "Types: deb\nURIs: http://a\nSuites: trixie\nComponents: main\n\
                    Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQ\n";
        assert_eq!(parse_deb822(text)[0].signed_by, None);
    }

    #[test]
    fn the_archive_is_the_one_with_the_machines_own_suite() {
        let mut archives = parse_list("deb http://vendor.example/apt vendor-bookworm main\n");
        archives.extend(parse_deb822(DEB822));
        let found = debian_archive(&archives, Some("bookworm")).unwrap();
        assert_eq!(found.uri, "http://archive.example/debian");
        assert_eq!(debian_archive(&archives, Some("trixie")), None);
    }

    #[test]
    fn a_machine_on_sid_is_found_without_a_codename() {
        let archives = parse_list("deb http://archive.example/debian sid main\n");
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
