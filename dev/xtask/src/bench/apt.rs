// SPDX-License-Identifier: GPL-2.0-only

//! What apt downloads and unpacks for the driver, on a minimal Debian with a kernel, compared with
//! a DKMS package in C. The numbers are apt's own.

use std::path::Path;

use anyhow::{Context, Result};

use crate::debian::chroot::Chroot;
use crate::debian::setup::Setup;
use crate::debian::{packaged, provision, slices};
use crate::host::{mounts, ui};
use crate::package::repo;

use super::build::Built;
use super::results::{BEFORE, Part, Row, Value, YARDSTICK};

/// Packages to install, with their names in the results. Without Recommends, the headers must be
/// named.
const INSTALLED: [(&str, &str); 2] = [("driver", "procdriver-dkms"), (YARDSTICK, "acpi-call-dkms")];
const HEADERS: &str = "linux-headers-amd64";

/// The end of the row names for installations without recommended packages.
const LEAN: &str = "-lean";

/// Asks apt for the sums of each package. `before` is the apt repository of an earlier state.
pub fn run(setup: &Setup<'_>, built: &Built, before: Option<&Path>) -> Result<Vec<Row>> {
    let sources = slices::all(setup.project, &setup.repo)?;
    let work = mounts::scratch_folder(setup.project)?;
    let now = work.path().join("repo");
    repo::of(setup.debs.iter().chain(&sources), &now, &now)?;
    let plain = provision::plain(setup.project)?;
    let log = setup.project.log("bench-apt-sums")?;
    let mut chroots = Vec::new();
    for repo in [Some(now.as_path()), before].into_iter().flatten() {
        let mut chroot = Chroot::new(setup.project, &plain)?;
        packaged::offer(&mut chroot, repo)?;
        chroot.sh("apt-get -q update").log(&log).run()?;
        chroots.push(chroot);
    }
    let mut rows = Vec::new();
    for (end, option, more) in [
        ("", "--install-recommends", ""),
        (LEAN, "--no-install-recommends", HEADERS),
    ] {
        let row = |name: &str| built.row(Part::Apt, &format!("{name}{end}"), "bytes");
        let (mut download, mut disk) = (row("apt-download"), row("apt-disk"));
        let asked = INSTALLED.iter().map(|(name, package)| (*name, *package, 0));
        let old = (BEFORE, INSTALLED[0].1, 1);
        for (name, package, chroot) in asked.chain([old]) {
            let Some(chroot) = chroots.get(chroot) else {
                continue;
            };
            // `--assume-no` makes apt fail after it has printed the sums.
            let line = format!("apt-get -q --assume-no {option} install {package} {more} || :");
            let said = chroot.sh(&line).log(&log).run()?.text;
            let (downloaded, unpacked) =
                sums(&said).with_context(|| format!("apt has no sums for {package}: {said}"))?;
            ui::say(&format!(
                "  {package} ({name}) {option}: {downloaded} and {unpacked} bytes"
            ));
            let value = |sum: f64| Value::of(&[sum]).context("no sum");
            download.add(name, value(downloaded)?);
            disk.add(name, value(unpacked)?);
        }
        rows.extend([download, disk]);
    }
    Ok(rows)
}

/// Returns the total download and the disk space from apt's output, such as
/// `Need to get 94.3 MB/96 MB of archives.` and
/// `After this operation, 373 MB of additional disk space`.
fn sums(said: &str) -> Option<(f64, f64)> {
    let download = between(said, "Need to get ", " of archives")?;
    let download = download.rsplit('/').next()?;
    let disk = between(said, "After this operation, ", " of additional")?;
    Some((bytes(download)?, bytes(disk)?))
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    text.split_once(start)?
        .1
        .split_once(end)
        .map(|(found, _)| found)
}

/// Parses `94.3 MB` or `1,234 kB`.
fn bytes(text: &str) -> Option<f64> {
    let (number, unit) = text.split_once(' ')?;
    let number: f64 = number.replace(',', "").parse().ok()?;
    let unit = match unit {
        "B" => 1.0,
        "kB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        _ => return None,
    };
    Some(number * unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apts_sums_are_read() {
        let said = "Need to get 546 MB/548 MB of archives.\nAfter this operation, 2,198 MB of \
                    additional disk space will be used.\n";
        assert_eq!(sums(said), Some((548e6, 2198e6)));
        let said = "Need to get 80.5 kB of archives.\nAfter this operation, 1.2 GB of additional";
        assert_eq!(sums(said), Some((80.5e3, 1.2e9)));
        assert_eq!(sums("0 upgraded, 0 newly installed"), None);
    }
}
