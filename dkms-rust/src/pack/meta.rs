// SPDX-License-Identifier: GPL-2.0-only

//! Writes the package that depends on the modules for the newest kernel of a flavour, as
//! linux-image-amd64 depends on the newest image. With it, an upgrade of the kernel brings the
//! modules along.

use super::stage::Stage;
use crate::status::prebuilt::debian_name;
use anyhow::Result;
use std::fs;
use std::path::{Path, PathBuf};

/// The time of its files. There are none but a link, and it must not change.
const TIME: u64 = 0;

/// The contents of a package.
pub struct Meta<'a> {
    /// The name of the source in dkms.
    pub name: &'a str,
    /// The version of the source in dkms.
    pub version: &'a str,
    /// The flavour.
    pub flavour: &'a str,
    /// The version of the kernel's own metapackage.
    pub kernel_version: &'a str,
    /// The package with the modules for that kernel.
    pub modules: &'a str,
    /// Debian's name of the architecture.
    pub architecture: &'a str,
    /// The maintainer.
    pub maintainer: &'a str,
}

impl Meta<'_> {
    fn package(&self) -> String {
        debian_name(&format!("{}-modules-{}", self.name, self.flavour))
    }

    /// Returns the version, which is higher with each source and each kernel.
    fn own_version(&self) -> String {
        // A second colon would begin an epoch.
        format!("{}+{}", self.version, self.kernel_version.replace(':', "."))
    }

    /// Returns the name of the package's file.
    pub fn file(&self) -> String {
        format!(
            "{}_{}_{}.deb",
            self.package(),
            self.own_version(),
            self.architecture
        )
    }

    /// Writes the package to `path`, by way of the directory `stage`, which is removed before and
    /// after.
    ///
    /// # Errors
    ///
    /// If it can't be written.
    pub fn write(&self, stage: &Path, path: &Path) -> Result<PathBuf> {
        fs::remove_dir_all(stage).ok();
        let Self {
            name,
            version,
            flavour,
            modules,
            ..
        } = self;
        let control = format!(
            "Package: {}\n\
             Version: {}\n\
             Architecture: {}\n\
             Maintainer: {}\n\
             Depends: {modules} (>= {version})\n\
             Section: kernel\n\
             Priority: optional\n\
             Description: kernel modules of {name} for the newest Linux ({flavour})\n \
             This metapackage depends on the modules for the kernel that\n \
             linux-image-{flavour} depends on, so that an upgrade of the kernel brings\n \
             them along.\n",
            self.package(),
            self.own_version(),
            self.architecture,
            self.maintainer,
        );
        let folder = Stage::new(stage.to_owned());
        // The licence and the changelog are those of the modules.
        let written = folder
            .link(format!("/usr/share/doc/{}", self.package()), modules)
            .and_then(|()| folder.build(&control, TIME, path));
        fs::remove_dir_all(stage).ok();
        written
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::version::compare;
    use std::process::Command;

    fn meta<'a>(version: &'a str, kernel_version: &'a str) -> Meta<'a> {
        Meta {
            name: "my_drv",
            version,
            flavour: "amd64",
            kernel_version,
            modules: "my-drv-modules-7.3.4-amd64",
            architecture: "amd64",
            maintainer: "a <a@b>",
        }
    }

    #[test]
    fn each_source_and_each_kernel_gives_a_higher_version() {
        let of = |version, kernel| meta(version, kernel).own_version();
        let order = [
            of("0.9", "7.3.4-1"),
            of("0.10", "6.12.9-1"),
            of("0.10", "6.12.10-1"),
            of("0.10", "7.3.4-1~bpo13+1"),
        ];
        for pair in order.windows(2) {
            assert!(compare(&pair[0], &pair[1]).is_lt(), "{pair:?}");
        }
        let file = meta("1", "7.3.4-1").file();
        assert_eq!(file, "my-drv-modules-amd64_1+7.3.4-1_amd64.deb");
    }

    #[test]
    fn it_is_the_same_whenever_it_is_made() {
        let dir = tempfile::tempdir().unwrap();
        let [stage, a, b] = ["stage", "a.deb", "b.deb"].map(|name| dir.path().join(name));
        meta("1", "7").write(&stage, &a).unwrap();
        meta("1", "7").write(&stage, &b).unwrap();
        assert_eq!(fs::read(&a).unwrap(), fs::read(b).unwrap());
        assert!(!stage.exists());
        let list = Command::new("dpkg-deb").arg("--contents").arg(a).output();
        let list = String::from_utf8(list.unwrap().stdout).unwrap();
        let link = "./usr/share/doc/my-drv-modules-amd64 -> my-drv-modules-7.3.4-amd64\n";
        assert!(list.contains(link), "{list}");
    }
}
