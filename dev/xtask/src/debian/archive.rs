// SPDX-License-Identifier: GPL-2.0-only

//! Asks a Debian archive for its kernels, without touching the machine's own apt.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::debian::kernel::{Kernel, architecture};
use crate::debian::kernels::{Debian, FLAVOUR};
use crate::debian::mirror::Mirror;
use crate::host::project::Project;
use crate::host::run::Cmd;
use crate::host::{files, lock, ui};

/// Returns the newest kernel of each series and flavour in a Debian's table, in the table's order.
/// If the archive cannot be reached, returns its last answer.
pub fn kernels(project: &Project, mirror: &Mirror, debian: &Debian) -> Result<Vec<Kernel>> {
    // The lock also covers apt's lists, which only one run may use at a time.
    let folder = project.cached(&format!("apt/{}", debian.suite))?;
    let _lock = lock::take(&folder.join("asked"))?;
    let saved = folder.join("kernels.json");
    let what = format!("ask the archive for the kernels of {}", debian.suite);
    match ui::step(&what, || ask(project, mirror, debian)) {
        Ok(kernels) => {
            let text = serde_json::to_string_pretty(&kernels).context("kernels as JSON")?;
            files::write(&saved, text)?;
            Ok(kernels)
        }
        Err(error) => {
            let Some(kernels) = fs::read_to_string(&saved)
                .ok()
                .and_then(|text| serde_json::from_str(&text).ok())
            else {
                return Err(error);
            };
            ui::say(&format!("the archive cannot be asked: {error:#}"));
            ui::say("going on with the kernels that it had the last time");
            Ok(kernels)
        }
    }
}

/// Returns the kernel that a Debian's root is provisioned with.
pub fn first<'a>(kernels: &'a [Kernel], debian: &Debian) -> Result<&'a Kernel> {
    kernels
        .iter()
        .find(|kernel| kernel.suite == debian.kernel && kernel.flavour == FLAVOUR)
        .with_context(|| format!("{} offers no kernel of flavour {FLAVOUR}", debian.kernel))
}

fn ask(project: &Project, mirror: &Mirror, debian: &Debian) -> Result<Vec<Kernel>> {
    let mut found = Vec::new();
    let mut asked = BTreeMap::new();
    for kernels in debian.kernels {
        let architecture = architecture(kernels.flavour);
        let packages = match asked.entry((kernels.suite, architecture)) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                new.insert(packages(project, mirror, kernels.suite, architecture)?)
            }
        };
        let newest = newest(packages, kernels.suite, kernels.flavour);
        ensure!(
            !newest.is_empty(),
            "{} of {} has no linux-image-...-{} with headers and linux-source of its version",
            kernels.suite,
            mirror.uri,
            kernels.flavour
        );
        found.extend(newest);
    }
    Ok(found)
}

/// A package name and version.
#[derive(Debug, PartialEq, Eq)]
struct Package {
    name: String,
    version: String,
}

/// Returns all kernel packages of a suite. apt's lists are in our own directory. For each name, the
/// newest version comes first.
fn packages(
    project: &Project,
    mirror: &Mirror,
    suite: &str,
    architecture: &str,
) -> Result<Vec<Package>> {
    let config = apt_config(project, mirror, suite, architecture)?;
    Cmd::new("apt-get")
        .args(["-q", "update", "--error-on=any"])
        .env("APT_CONFIG", &config)
        .log(&project.log("provision-apt")?)
        .run()?;
    let mut names = Vec::new();
    for prefix in ["linux-source-", "linux-headers-", "linux-image-"] {
        let text = Cmd::new("apt-cache")
            .args(["pkgnames", prefix])
            .env("APT_CONFIG", &config)
            .stdout()?;
        names.extend(text.lines().map(str::to_owned));
    }
    let shown = Cmd::new("apt-cache")
        .arg("show")
        .args(&names)
        .env("APT_CONFIG", &config)
        .stdout()?;
    Ok(shown.split("\n\n").filter_map(parse_package).collect())
}

fn apt_config(
    project: &Project,
    mirror: &Mirror,
    suite: &str,
    architecture: &str,
) -> Result<PathBuf> {
    let place = format!("apt/{suite}-{architecture}");
    let dir = project.cached(&place)?;
    for name in ["state/lists/partial", "cache/archives/partial", "parts"] {
        project.cached(&format!("{place}/{name}"))?;
    }
    let write = |name: &str, text: &str| {
        let path = dir.join(name);
        files::write(&path, text)?;
        Ok::<_, anyhow::Error>(path)
    };
    write("status", "")?;
    write("sources.list", &format!("{}\n", mirror.source_line(suite)))?;
    write("apt.conf", &config_text(&dir, mirror, architecture))
}

fn config_text(dir: &Path, mirror: &Mirror, architecture: &str) -> String {
    format!(
        "APT::Architecture \"{architecture}\";\nAPT::Architectures \"{architecture}\";\n\
         Dir::State \"{dir}/state\";\nDir::Cache \"{dir}/cache\";\n\
         Dir::State::status \"{dir}/status\";\nDir::Etc::sourcelist \"{dir}/sources.list\";\n\
         Dir::Etc::sourceparts \"{dir}/parts\";\nDir::Etc::parts \"{dir}/parts\";\n\
         Acquire::Languages \"none\";\nAPT::Sandbox::User \"root\";\n{options}\n",
        dir = dir.display(),
        options = mirror.apt_options.join("\n"),
    )
}

fn parse_package(paragraph: &str) -> Option<Package> {
    let field = |name: &str| {
        paragraph
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
            .map(str::to_owned)
    };
    Some(Package {
        name: field("Package")?,
        version: field("Version")?,
    })
}

/// Returns the newest kernel of each series, the newest series first. Its headers and linux-source
/// must be available in the same version.
fn newest(packages: &[Package], suite: &str, flavour: &str) -> Vec<Kernel> {
    let has = |name: &str, version: &str| {
        packages
            .iter()
            .any(|package| package.name == name && package.version == version)
    };
    let mut series: Vec<&str> = packages
        .iter()
        .filter_map(|package| package.name.strip_prefix("linux-source-"))
        .filter(|series| numbers(series).is_some())
        .collect();
    series.sort_by_key(|series| std::cmp::Reverse(numbers(series)));
    series.dedup();
    let kernel = |series: &&str| {
        let source = format!("linux-source-{series}");
        let sources = packages.iter().filter(|package| package.name == source);
        let mut kernels = sources.filter_map(|source| {
            let release = packages
                .iter()
                .filter(|package| package.version == source.version)
                .filter_map(|package| package.name.strip_prefix("linux-image-"))
                .find(|release| is_of(release, flavour))?;
            has(&format!("linux-headers-{release}"), &source.version)
                .then(|| (source.version.clone(), release.to_owned()))
        });
        let (version, release) = kernels.next()?;
        Some(Kernel {
            suite: suite.to_owned(),
            series: (*series).to_owned(),
            flavour: flavour.to_owned(),
            version,
            release,
            before: kernels.next(),
        })
    };
    series.iter().filter_map(kernel).collect()
}

/// Parses `7.3`; returns nothing for anything else.
fn numbers(series: &str) -> Option<(u32, u32)> {
    let (major, minor) = series.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// Returns whether a release is a version, a dash and exactly this flavour: `cloud-amd64` is not
/// `amd64`.
fn is_of(release: &str, flavour: &str) -> bool {
    release.starts_with(|c: char| c.is_ascii_digit())
        && release
            .strip_suffix(flavour)
            .and_then(|rest| rest.strip_suffix('-'))
            .is_some_and(|version| !version.contains('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packages(list: &[(&str, &str)]) -> Vec<Package> {
        let package = |(name, version): &(&str, &str)| Package {
            name: (*name).to_owned(),
            version: (*version).to_owned(),
        };
        list.iter().map(package).collect()
    }

    const BACKPORTS: &[(&str, &str)] = &[
        ("linux-source-7.2", "7.2.12-1"),
        ("linux-source-7.2", "7.2.11-1"),
        ("linux-source-7.10", "7.10.1-1"),
        ("linux-image-amd64", "7.10.1-1"),
        ("linux-image-7.0.13-amd64", "7.0.13-1"),
        ("linux-headers-7.0.13-amd64", "7.0.13-1"),
        ("linux-image-7.2.11-amd64", "7.2.11-1"),
        ("linux-headers-7.2.11-amd64", "7.2.11-1"),
        ("linux-image-7.2.12-amd64-dbg", "7.2.12-1"),
        ("linux-image-7.2.12-cloud-amd64", "7.2.12-1"),
        ("linux-image-7.2.12-amd64", "7.2.12-1"),
        ("linux-headers-7.2.12-amd64", "7.2.12-1"),
        ("linux-image-7.10.1-amd64", "7.10.1-1"),
        ("linux-headers-7.10.1-amd64", "7.10.1-1"),
    ];

    fn newest(list: &[(&str, &str)], flavour: &str) -> Vec<Kernel> {
        super::newest(&packages(list), "s", flavour)
    }

    fn releases(list: &[(&str, &str)], flavour: &str) -> Vec<String> {
        newest(list, flavour)
            .into_iter()
            .map(|kernel| kernel.release)
            .collect()
    }

    #[test]
    fn each_series_with_its_source_gives_its_newest_kernel_newest_series_first() {
        assert_eq!(
            releases(BACKPORTS, "amd64"),
            ["7.10.1-amd64", "7.2.12-amd64"]
        );
    }

    #[test]
    fn the_one_before_is_known_where_all_of_it_is_still_there() {
        let kernels = newest(BACKPORTS, "amd64");
        let before: Vec<_> = kernels.iter().map(|kernel| kernel.before.clone()).collect();
        let older = ("7.2.11-1".to_owned(), "7.2.11-amd64".to_owned());
        assert_eq!(before, [None, Some(older)]);
    }

    #[test]
    fn a_kernel_whose_headers_lag_behind_gives_place_to_the_one_before() {
        let lag: Vec<_> = BACKPORTS
            .iter()
            .filter(|(name, _)| *name != "linux-headers-7.2.12-amd64")
            .copied()
            .collect();
        assert_eq!(releases(&lag, "amd64"), ["7.10.1-amd64", "7.2.11-amd64"]);
    }

    #[test]
    fn a_flavour_is_the_whole_end_of_a_release() {
        assert!(is_of("7.3.4+deb13-cloud-amd64", "cloud-amd64"));
        assert!(!is_of("7.3.4+deb13-cloud-amd64", "amd64"));
        assert!(!is_of("7.3.4+deb13-amd64-dbg", "amd64"));
        assert!(!is_of("amd64", "amd64"));
        assert!(releases(BACKPORTS, "rt-amd64").is_empty());
    }

    #[test]
    fn a_paragraph_without_a_version_is_no_package() {
        assert_eq!(parse_package("Package: a\nDepends: b\n"), None);
        assert_eq!(
            parse_package("Package: a\nVersion: 1\n"),
            packages(&[("a", "1")]).pop()
        );
    }
}
