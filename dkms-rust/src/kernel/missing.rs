// SPDX-License-Identifier: GPL-2.0-only

//! Suggests a command if a kernel's headers, or one of their files, are missing.

use crate::kernel::release::Release;
use crate::system::System;
use crate::system::dpkg;
use std::fs;
use std::path::Path;

/// Returns the mend for missing headers. It also installs the matching linux-source if apt has it,
/// because users who lack the headers mostly lack the source, too.
pub fn headers(system: &System, release: &Release) -> String {
    let headers = format!("linux-headers-{release}");
    let upstream = upstream(release);
    let source = release
        .series()
        .map(|(major, minor)| format!("linux-source-{major}.{minor}"))
        .filter(|source| {
            dpkg::has(system, source, |version| {
                dpkg::is_upstream(version, upstream)
            })
        });
    let both = || dpkg::install(system, &[&headers, &source?]);
    let command = match dpkg::source_of(system, &headers) {
        Some(_) => dpkg::reinstall(system, &[&headers]),
        None => both().or_else(|| dpkg::install(system, &[&headers])),
    };
    command.unwrap_or_else(|| {
        format!("install {headers} from where you got the kernel (none of apt's sources has it)")
    })
}

/// Returns the mend that brings back the file `name` of a build tree. If the build tree is a whole
/// source tree, make's `target` builds the file.
pub fn file(system: &System, build: &Path, name: &str, target: &str) -> String {
    // The file may be below a link that leads to another package's directory.
    let path = build.join(name);
    let directory = path.parent().map(fs::canonicalize);
    let real = match (directory, path.file_name()) {
        (Some(Ok(directory)), Some(name)) => directory.join(name),
        _ => path,
    };
    let owner =
        dpkg::owner_of(system, &real).or_else(|| dpkg::owner_of(system, &build.join("Makefile")));
    if let Some(package) = owner {
        return dpkg::reinstall(system, &[&package]).unwrap_or_else(|| {
            format!("reinstall {package} from where you got it (apt can't download it)")
        });
    }
    let shown = system.shown(build);
    // Only whole source trees contain this file.
    if build.join("kernel/fork.c").is_file() {
        return format!("make -C {shown} {target}");
    }
    format!("make {target} where the kernel was built, and copy the result to {shown}")
}

/// Returns the upstream version of a kernel's packages, which is how the release begins.
fn upstream(release: &Release) -> &str {
    let text = release.as_str();
    text.split(['+', '-']).next().unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_upstream_version_is_the_beginning_of_a_release() {
        let of = |text: &str| upstream(&text.parse().unwrap()).to_owned();
        assert_eq!(of("7.3.4+deb13-cloud-amd64"), "7.3.4");
        assert_eq!(of("7.4~rc3-amd64"), "7.4~rc3");
    }
}
