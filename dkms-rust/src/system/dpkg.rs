// SPDX-License-Identifier: GPL-2.0-only

//! What dpkg and apt know of packages.

use crate::system::System;
use crate::system::run::answer;
use std::process::Command;

/// A source package and its version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its name, such as `linux`.
    pub package: String,
    /// Its Debian version.
    pub version: String,
}

/// The source that the package `name` was built from, if its files are on the system (which they
/// are before it is configured).
pub fn source_of(system: &System, name: &str) -> Option<Source> {
    let mut query = Command::new("dpkg-query");
    query.arg(format!("--admindir={}", system.dpkg().display()));
    query.args([
        "-W",
        "-f=${db:Status-Status} ${source:Package} ${source:Version}\n",
        name,
    ]);
    parse_source(&answer(&mut query)?)
}

/// One line of `dpkg-query`, of several where a package is installed for several architectures.
fn parse_source(lines: &str) -> Option<Source> {
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
        unpacked.contains(&status).then(|| Source {
            package: package.to_owned(),
            version: version.to_owned(),
        })
    })
}

/// The first of `packages`, with its version, that apt could install and whose upstream version
/// is `upstream`: what to give to `apt install`.
pub fn installable(packages: &[&str], upstream: &str) -> Option<String> {
    installable_if(packages, |version| is_upstream(version, upstream))
}

/// The same for whatever version will do.
pub fn installable_if(packages: &[&str], will_do: impl Fn(&str) -> bool) -> Option<String> {
    let table = answer(Command::new("apt-cache").arg("madison").args(packages))?;
    pick(&table, will_do)
}

/// Whether apt could install `package` from this source package and version.
pub fn offers(package: &str, source: &Source) -> bool {
    let mut show = Command::new("apt-cache");
    show.args(["show", "--no-all-versions"]);
    let line = format!("{package}={}", source.version);
    answer(show.arg(line)).is_some_and(|text| {
        // Without a field of its own the source is of the package's name.
        let field = |line: &str| Some(line.strip_prefix("Source: ")?.to_owned());
        let found = text.lines().find_map(field);
        let name = found.as_deref().unwrap_or(package);
        name.split(' ').next() == Some(&source.package)
    })
}

/// Looks a version up in what `apt-cache madison` prints: `package | version | source`.
fn pick(table: &str, will_do: impl Fn(&str) -> bool) -> Option<String> {
    table.lines().find_map(|line| {
        let mut columns = line.split('|').map(str::trim);
        let (package, version) = (columns.next()?, columns.next()?);
        will_do(version).then(|| format!("{package}={version}"))
    })
}

/// Whether a Debian version is of this upstream version.
fn is_upstream(version: &str, upstream: &str) -> bool {
    version
        .strip_prefix(upstream)
        .is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit() || c == '.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_counts_as_soon_as_its_files_are_there() {
        let version = |line: &str| parse_source(line).map(|source| source.version);
        assert_eq!(
            parse_source("installed linux 7.3.4-1~bpo13+1"),
            Some(Source {
                package: "linux".into(),
                version: "7.3.4-1~bpo13+1".into()
            })
        );
        assert_eq!(version("unpacked linux 7.3.4-1"), Some("7.3.4-1".into()));
        assert_eq!(version("config-files linux 7.3.4-1"), None);
        assert_eq!(version("not-installed  "), None);
        assert_eq!(version(""), None);
    }

    #[test]
    fn the_package_to_install_has_the_whole_upstream_version() {
        let table = " rustc | 1.85.10+dfsg1-1 | somewhere\n rustc | 1.85.1+dfsg1-2 | elsewhere\n";
        let pick = |table, upstream| pick(table, |version| is_upstream(version, upstream));
        assert_eq!(pick(table, "1.85.1"), Some("rustc=1.85.1+dfsg1-2".into()));
        assert_eq!(pick(table, "1.97.1"), None);
        assert_eq!(pick("", "1.85.1"), None);
    }
}
