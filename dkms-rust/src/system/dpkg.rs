// SPDX-License-Identifier: GPL-2.0-only

//! What dpkg and apt know of packages.

use crate::system::System;
use crate::system::run::answer;
use std::process::Command;

/// The Debian version of the source that the package `name` was built from, if its files are on
/// the system (which they are before it is configured).
pub fn source_version(system: &System, name: &str) -> Option<String> {
    let mut query = Command::new("dpkg-query");
    query.arg(format!("--admindir={}", system.dpkg().display()));
    query.args(["-W", "-f=${db:Status-Status} ${source:Version}\n", name]);
    parse_version(&answer(&mut query)?)
}

/// One line of `dpkg-query`, of several where a package is installed for several architectures.
fn parse_version(line: &str) -> Option<String> {
    line.lines().find_map(|line| {
        let (status, version) = line.split_once(' ')?;
        let unpacked = [
            "installed",
            "unpacked",
            "half-configured",
            "triggers-awaited",
            "triggers-pending",
        ];
        unpacked.contains(&status).then(|| version.to_owned())
    })
}

/// The first of `packages`, with its version, that apt could install and whose upstream version
/// is `upstream`: what to give to `apt install`.
pub fn installable(packages: &[&str], upstream: &str) -> Option<String> {
    let table = answer(Command::new("apt-cache").arg("madison").args(packages))?;
    pick(&table, upstream)
}

/// Looks `upstream` up in what `apt-cache madison` prints: `package | version | source`.
fn pick(table: &str, upstream: &str) -> Option<String> {
    table.lines().find_map(|line| {
        let mut columns = line.split('|').map(str::trim);
        let (package, version) = (columns.next()?, columns.next()?);
        let rest = version.strip_prefix(upstream)?;
        let whole = !rest.starts_with(|c: char| c.is_ascii_digit() || c == '.');
        whole.then(|| format!("{package}={version}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_counts_as_soon_as_its_files_are_there() {
        let version = |line: &str| parse_version(line);
        assert_eq!(
            version("installed 7.3.4-1~bpo13+1"),
            Some("7.3.4-1~bpo13+1".into())
        );
        assert_eq!(version("unpacked 7.3.4-1"), Some("7.3.4-1".into()));
        assert_eq!(version("config-files 7.3.4-1"), None);
        assert_eq!(version("not-installed "), None);
        assert_eq!(version(""), None);
    }

    #[test]
    fn the_package_to_install_has_the_whole_upstream_version() {
        let table = " rustc | 1.85.10+dfsg1-1 | somewhere\n rustc | 1.85.1+dfsg1-2 | elsewhere\n";
        assert_eq!(pick(table, "1.85.1"), Some("rustc=1.85.1+dfsg1-2".into()));
        assert_eq!(pick(table, "1.97.1"), None);
        assert_eq!(pick("", "1.85.1"), None);
    }
}
