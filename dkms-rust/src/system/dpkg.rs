// SPDX-License-Identifier: GPL-2.0-only

//! Asks dpkg and apt about packages.
//!
//! apt takes a second to answer, so it is asked only if something is missing.

use crate::system::System;
use crate::system::run::answer;
use crate::system::search::program;
use std::env;
use std::path::Path;
use std::process::Command;

/// A source package and its version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourcePackage {
    /// Its name, such as `linux`.
    pub package: String,
    /// Its Debian version.
    pub version: String,
}

/// Returns the source package that the package `name` was built from, if its files are on the
/// system. They are there even before the package is configured.
pub fn source_of(system: &System, name: &str) -> Option<SourcePackage> {
    let mut query = Command::new(program("dpkg-query"));
    query.arg(format!("--admindir={}", system.dpkg().display()));
    query.args([
        "-W",
        "-f=${db:Status-Status} ${source:Package} ${source:Version}\n",
        name,
    ]);
    parse_source(&answer(&mut query)?)
}

/// Parses the output of `dpkg-query`, which has one line per architecture of the package.
pub fn parse_source(lines: &str) -> Option<SourcePackage> {
    lines.lines().find_map(|line| {
        let mut words = line.split(' ');
        let (status, package, version) = (words.next()?, words.next()?, words.next()?);
        let unpacked = [
            "installed",
            "unpacked",
            "half-configured",
            "triggers-awaited",
            "triggers-pending",
        ];
        unpacked.contains(&status).then(|| SourcePackage {
            package: package.to_owned(),
            version: version.to_owned(),
        })
    })
}

/// Returns the package that ships the file at `path`, whether or not the file exists.
pub fn owner_of(system: &System, path: &Path) -> Option<String> {
    spellings(&system.shown(path))
        .iter()
        .find_map(|path| owners_of(system, path).into_iter().next())
}

/// Returns a path as it is, and as it is if `/lib` and the like are seen as what they are, links
/// into `/usr`. dpkg knows a file only by the path that its package has, which may be either.
fn spellings(path: &str) -> [String; 2] {
    let other = match path.strip_prefix("/usr") {
        Some(plain) => plain.to_owned(),
        None => format!("/usr{path}"),
    };
    [path.to_owned(), other]
}

/// Returns the packages that ship a file whose path matches `pattern`, which may contain `*`.
pub fn owners_of(system: &System, pattern: &str) -> Vec<String> {
    let mut query = Command::new(program("dpkg-query"));
    query.arg(format!("--admindir={}", system.dpkg().display()));
    parse_owners(&answer(query.arg("--search").arg(pattern)).unwrap_or_default())
}

/// Returns the packages in the output of `dpkg-query --search`.
pub fn parse_owners(lines: &str) -> Vec<String> {
    let owner = |line: &str| {
        let (package, _) = line.rsplit_once(": ")?;
        // Directories belong to several packages, and lines about diversions name no owner.
        let plain = !package.contains([',', ' ']);
        plain.then(|| package.to_owned())
    };
    lines.lines().filter_map(owner).collect()
}

/// Returns the command that installs `packages`, if apt can do that now and it would change
/// something. A package may be given as `name=version`.
pub fn install(system: &System, packages: &[&str]) -> Option<String> {
    simulated(system, &[], packages).then(|| format!("apt install {}", packages.join(" ")))
}

/// Returns the command that installs packages again, if apt can do that now.
pub fn reinstall(system: &System, packages: &[&str]) -> Option<String> {
    let option = "--reinstall";
    let command = || format!("apt install {option} {}", packages.join(" "));
    simulated(system, &[option], packages).then(command)
}

/// Returns the command that installs packages, if it brings a version of the first one for which
/// `will_do` is true; the others belong to the first. Versions other than apt's own choice are
/// tried only if that one will not do.
pub fn install_version(
    system: &System,
    first: &str,
    others: &[&str],
    will_do: impl Fn(&str) -> bool,
) -> Option<String> {
    let packages: Vec<&str> = [first].iter().chain(others).copied().collect();
    let gets = |options: &[&str], packages: &[&str]| {
        let text = simulate(system, options, packages)?;
        let version = text.lines().find_map(|line| installed_by(line, first));
        version.filter(|version| will_do(version))?;
        let command = [&["apt", "install"], options, packages].concat();
        Some(command.join(" "))
    };
    // If the package is already installed, its files must have been changed or removed.
    if let Some(command) = gets(&[], &packages).or_else(|| gets(&["--reinstall"], &packages)) {
        return Some(command);
    }
    let table = answer(apt(system, "apt-cache").args(["madison", first]))?;
    offers_in(&table)
        .filter(|offer| will_do(offer.version))
        .find_map(|offer| {
            let pin = |name: &&str| format!("{name}={}", offer.version);
            let pinned: Vec<String> = packages.iter().map(pin).collect();
            let pinned: Vec<&str> = pinned.iter().map(String::as_str).collect();
            // With `-t SUITE`, apt takes the dependencies from that suite, too.
            gets(&[], &pinned).or_else(|| gets(&["-t", offer.suite?], &packages))
        })
}

/// Returns the version from a line of a simulation that says that `package` would be installed:
/// `Inst rustc [1.85.1-1] (1.96.1-2 Debian Backports:stable-backports [amd64])`.
pub fn installed_by<'a>(line: &'a str, package: &str) -> Option<&'a str> {
    let rest = line.strip_prefix("Inst ")?.strip_prefix(package)?;
    let rest = rest.strip_prefix(' ')?;
    rest.split_once('(')?.1.split([' ', ')']).next()
}

/// Returns whether apt would run the command, and whether that would change something.
fn simulated(system: &System, options: &[&str], packages: &[&str]) -> bool {
    simulate(system, options, packages)
        .is_some_and(|text| text.lines().any(|line| line.starts_with("Inst ")))
}

/// Returns what apt says it would do. While dpkg runs, as it does around maintainer scripts, apt
/// finds packages that are not configured yet and would do nothing before that. apt is then asked
/// only whether it has the packages.
fn simulate(system: &System, options: &[&str], packages: &[&str]) -> Option<String> {
    let mut get = apt(system, "apt-get");
    get.args(["--simulate", "--quiet=2", "install"]);
    let text = answer(get.args(options).args(packages));
    if text.is_some() || env::var_os("DPKG_RUNNING_VERSION").is_none() {
        return text;
    }
    let mut show = apt(system, "apt-cache");
    let known = answer(show.args(["show", "--no-all-versions"]).args(packages))?;
    let field = |name| {
        let value = move |line| str::strip_prefix(line, name);
        known.lines().filter_map(value)
    };
    let both = field("Package: ").zip(field("Version: "));
    Some(
        both.map(|(name, version)| format!("Inst {name} ({version})\n"))
            .collect(),
    )
}

/// Builds an apt command for this system.
fn apt(system: &System, name: &str) -> Command {
    let mut command = Command::new(program(name));
    let root = system.at("");
    if root != Path::new("/") {
        command.arg("-o").arg(format!("Dir={}", root.display()));
    }
    command
}

/// Returns whether apt has a version of `package` for which `will_do` is true.
pub fn has(system: &System, package: &str, will_do: impl Fn(&str) -> bool) -> bool {
    let table = answer(apt(system, "apt-cache").args(["madison", package]));
    let table = table.unwrap_or_default();
    offers_in(&table).any(|offer| will_do(offer.version))
}

/// Returns the `Provides` field of the version of `package` that apt would install.
pub fn provides(system: &System, package: &str) -> Option<String> {
    let mut show = apt(system, "apt-cache");
    let text = answer(show.args(["show", "--no-all-versions", package]))?;
    let field = |line: &str| Some(line.strip_prefix("Provides: ")?.to_owned());
    text.lines().find_map(field)
}

/// Returns whether apt can install `package` from this source package and version.
pub fn offers(system: &System, package: &str, source: &SourcePackage) -> bool {
    let mut show = apt(system, "apt-cache");
    show.args(["show", "--no-all-versions"]);
    let line = format!("{package}={}", source.version);
    answer(show.arg(line)).is_some_and(|text| {
        // Without a `Source` field, the source package has the same name as the package.
        let field = |line: &str| Some(line.strip_prefix("Source: ")?.to_owned());
        let found = text.lines().find_map(field);
        let name = found.as_deref().unwrap_or(package);
        name.split(' ').next() == Some(&source.package)
    })
}

/// A version that apt offers.
#[derive(Debug, PartialEq, Eq)]
pub struct OfferedVersion<'a> {
    /// The version.
    pub version: &'a str,
    /// The suite that has it.
    pub suite: Option<&'a str>,
}

/// Parses the output of `apt-cache madison`: `package | version | address suite/component amd64
/// Packages`.
pub fn offers_in(table: &str) -> impl Iterator<Item = OfferedVersion<'_>> {
    table.lines().filter_map(|line| {
        let mut columns = line.split('|').map(str::trim).skip(1);
        let (version, source) = (columns.next()?, columns.next()?);
        let suite = source
            .split(' ')
            .nth(1)
            .and_then(|word| word.split('/').next());
        Some(OfferedVersion { version, suite })
    })
}

/// Returns whether a Debian version belongs to this upstream version.
pub fn is_upstream(version: &str, upstream: &str) -> bool {
    version
        .strip_prefix(upstream)
        .is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit() || c == '.'))
}

#[cfg(test)]
#[path = "dpkg_tests.rs"]
mod tests;
