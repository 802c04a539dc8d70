// SPDX-License-Identifier: GPL-2.0-only

//! The archives that the machine's own apt knows. apt does not print which key verifies which
//! archive.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::host::files;

/// An archive in apt's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archive {
    /// The address of the archive.
    pub uri: String,
    /// The suites that the machine uses.
    pub suites: Vec<String>,
    /// The components, such as `main`.
    pub components: Vec<String>,
    /// The keyring that verifies it, if the entry names one.
    pub signed_by: Option<String>,
}

/// Reads all archives from `/etc/apt` or a similar directory.
pub fn read(etc: &Path) -> Result<Vec<Archive>> {
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
            let text = files::text(&file)?;
            archives.extend(parse(&text));
        }
    }
    Ok(archives)
}

/// Parses one-line entries: `deb [options] uri suite component...`.
pub fn parse_list(text: &str) -> Vec<Archive> {
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

/// Parses deb822 entries: paragraphs of `Field: value`, as in Debian's control files.
pub fn parse_deb822(text: &str) -> Vec<Archive> {
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
    // The field may also contain the key itself, which is not a path.
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

/// Returns the value of a field, with its continuation lines and without comments.
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
}
