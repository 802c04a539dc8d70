// SPDX-License-Identifier: GPL-2.0-only

//! Asks a Debian archive which kernel it has, without touching the machine's own apt.

use std::fs;

use anyhow::{Context, Result};

use crate::mirror::Mirror;
use crate::project::Project;
use crate::run::Cmd;

/// The metapackage that depends on the newest kernel of its suite.
const IMAGE: &str = "linux-image-amd64";

/// A kernel that an archive offers.
#[derive(Debug, PartialEq, Eq)]
pub struct Kernel {
    /// The version of its packages.
    pub version: String,
    /// Its release, as `uname -r` gives it.
    pub release: String,
}

/// Asks the archive, with apt's lists in a folder of our own.
pub fn kernel(project: &Project, mirror: &Mirror, suite: &str) -> Result<Kernel> {
    let dir = project.cached("apt")?;
    for name in ["state/lists/partial", "cache/archives/partial"] {
        project.cached(&format!("apt/{name}"))?;
    }
    let write = |name: &str, text: &str| {
        let path = dir.join(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        Ok::<_, anyhow::Error>(path)
    };
    write("status", "")?;
    let sources = write("sources.list", &format!("{}\n", mirror.source_line(suite)))?;
    let config = format!(
        "Dir::State \"{dir}/state\";\nDir::Cache \"{dir}/cache\";\n\
         Dir::State::status \"{dir}/status\";\nDir::Etc::sourcelist \"{sources}\";\n\
         Dir::Etc::sourceparts \"-\";\nDir::Etc::parts \"-\";\nAcquire::Languages \"none\";\n\
         APT::Sandbox::User \"root\";\n{options}\n",
        dir = dir.display(),
        sources = sources.display(),
        options = mirror.apt_options.join("\n"),
    );
    let config = write("apt.conf", &config)?;
    let log = project.log("provision-apt")?;
    Cmd::new("apt-get")
        .args(["-q", "update", "--error-on=any"])
        .env("APT_CONFIG", &config)
        .log(&log)
        .run()?;
    let shown = Cmd::new("apt-cache")
        .args(["show", IMAGE])
        .env("APT_CONFIG", &config)
        .stdout()?;
    parse_kernel(&shown).with_context(|| {
        format!(
            "{suite} of {} offers no {} that could be understood",
            mirror.uri, IMAGE
        )
    })
}

/// From the metapackage's paragraph: its version, and the release in the name of the package that
/// it depends on. apt shows the newest first.
fn parse_kernel(shown: &str) -> Option<Kernel> {
    let paragraph = shown.split("\n\n").next()?;
    let field = |name: &str| {
        paragraph
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    };
    let package = field("Depends")?
        .split(',')
        .filter_map(|depend| depend.split_whitespace().next())
        .find_map(|name| name.strip_prefix("linux-image-"))?;
    let release = package
        .strip_suffix("-unsigned")
        .unwrap_or(package)
        .to_owned();
    Some(Kernel {
        version: field("Version")?.to_owned(),
        release,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_kernel_is_read_from_the_metapackage() {
        let shown = "Package: linux-image-amd64\nVersion: 7.3.4-1~bpo13+1\n\
                     Depends: linux-image-7.3.4+deb13-amd64 (= 7.3.4-1~bpo13+1)\n\n\
                     Package: linux-image-amd64\nVersion: 7.2.1-1\nDepends: linux-image-7.2.1\n";
        let kernel = parse_kernel(shown).unwrap();
        assert_eq!(kernel.version, "7.3.4-1~bpo13+1");
        assert_eq!(kernel.release, "7.3.4+deb13-amd64");
    }

    #[test]
    fn a_paragraph_without_an_image_gives_no_kernel() {
        assert_eq!(
            parse_kernel("Package: a\nVersion: 1\nDepends: b, c\n"),
            None
        );
        assert_eq!(parse_kernel(""), None);
    }
}
