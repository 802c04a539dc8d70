// SPDX-License-Identifier: GPL-2.0-only

//! An installed kernel, as its headers show it.

use crate::kernel::kconfig::Kconfig;
use crate::kernel::refusal::Refusal;
use crate::kernel::release::Release;
use crate::system::System;
use crate::system::dpkg;
use std::fs;
use std::path::{Path, PathBuf};

/// A kernel with headers.
#[derive(Debug)]
pub struct Kernel {
    /// Its release.
    pub release: Release,
    /// Its build tree, `/lib/modules/<release>/build` without links: the flavour's headers.
    pub build: PathBuf,
    /// The source tree that the build tree includes: Debian's `-common` headers, or the build
    /// tree itself where there is only one.
    pub common: PathBuf,
    /// Its configuration.
    pub config: Kconfig,
}

impl Kernel {
    /// Looks the kernel up.
    ///
    /// # Errors
    ///
    /// A refusal if it is not installed, or its headers are missing or incomplete.
    pub fn find(system: &System, release: &Release) -> Result<Self, Refusal> {
        let modules = system.modules().join(release.as_str());
        if !modules.is_dir() {
            let mend = format!("name one of those in {}", system.modules().display());
            return Err(Refusal::new(release, "no such kernel is installed", mend));
        }
        let headers = |why: &str| Refusal::new(release, why, install(release));
        let build = fs::canonicalize(modules.join("build"))
            .map_err(|_| headers("its headers are not installed"))?;
        let config = fs::read_to_string(build.join(".config"))
            .map_err(|_| headers("its headers have no .config"))?;
        for part in [
            "Makefile",
            "include/config/auto.conf",
            "include/generated/autoconf.h",
        ] {
            if !build.join(part).exists() {
                return Err(headers(&format!("its headers have no {part}")));
            }
        }
        Ok(Self {
            release: release.clone(),
            common: common(&build).unwrap_or_else(|| build.clone()),
            build,
            config: Kconfig::parse(&config),
        })
    }

    /// The folder below `arch/` that the kernel was built from, such as `x86`.
    pub fn srcarch(&self) -> Option<String> {
        fs::read_dir(self.build.join("arch"))
            .ok()?
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .find(|name| {
                self.build
                    .join("arch")
                    .join(name)
                    .join("include/generated")
                    .is_dir()
            })
    }

    /// Whether clang built it.
    pub fn built_by_clang(&self) -> bool {
        self.config.is_on("CC_IS_CLANG")
    }

    /// The command that built it: `x86_64-linux-gnu-gcc-14`, as gcc's version text begins. That of
    /// clang begins with the vendor's name.
    pub fn compiler(&self) -> Option<&str> {
        if self.built_by_clang() {
            return Some("clang");
        }
        self.config.get("CC_VERSION_TEXT")?.split(' ').next()
    }

    /// The file with the kernel's exported symbols.
    pub fn symvers(&self) -> PathBuf {
        self.build.join("Module.symvers")
    }
}

/// The tree that a build tree's short Makefile includes, as Debian's and Ubuntu's have it.
fn common(build: &Path) -> Option<PathBuf> {
    let makefile = fs::read_to_string(build.join("Makefile")).ok()?;
    let included = makefile
        .lines()
        .find_map(|line| line.strip_prefix("include "))?;
    let tree = Path::new(included.trim()).parent()?;
    fs::canonicalize(build.join(tree))
        .ok()
        .filter(|tree| tree.join("Makefile").is_file())
}

/// The command that brings a kernel's headers and, where apt has it, the linux-source that fits
/// them: whoever lacks the one most often lacks the other.
fn install(release: &Release) -> String {
    let headers = format!("apt install linux-headers-{release}");
    let source = || {
        let (major, minor) = release.series()?;
        let package = format!("linux-source-{major}.{minor}");
        dpkg::installable(&[&package], upstream(release))
    };
    match source() {
        Some(source) => format!("{headers} {source}"),
        None => headers,
    }
}

/// The upstream version of a kernel's packages, as its release begins.
fn upstream(release: &Release) -> &str {
    let text = release.as_str();
    text.split(['+', '-']).next().unwrap_or(text)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Makes a kernel that looks installed, as a Debian build tree with `-common` headers.
    pub(crate) fn make_installed(root: &Path, release: &str, config: &str) -> PathBuf {
        let modules = root.join("lib/modules").join(release);
        let build = root
            .join("usr/src")
            .join(format!("linux-headers-{release}"));
        let common = root.join("usr/src/linux-headers-common");
        for dir in [
            "include/config",
            "include/generated",
            "arch/x86/include/generated",
        ] {
            fs::create_dir_all(build.join(dir)).unwrap();
        }
        fs::create_dir_all(&modules).unwrap();
        fs::create_dir_all(&common).unwrap();
        fs::write(common.join("Makefile"), "VERSION = 7\n").unwrap();
        let include = format!("include {}/Makefile\n", common.display());
        fs::write(build.join("Makefile"), include).unwrap();
        fs::write(build.join(".config"), config).unwrap();
        fs::write(build.join("include/config/auto.conf"), config).unwrap();
        fs::write(build.join("include/generated/autoconf.h"), "").unwrap();
        std::os::unix::fs::symlink(&build, modules.join("build")).unwrap();
        build
    }

    #[test]
    fn a_debian_kernel_has_its_common_headers_and_its_arch() {
        let root = tempfile::tempdir().unwrap();
        make_installed(root.path(), "7.3.4-amd64", "CONFIG_RUST=y\n");
        let release = "7.3.4-amd64".parse().unwrap();
        let kernel = Kernel::find(&System::below(root.path()), &release).unwrap();
        assert!(kernel.common.ends_with("usr/src/linux-headers-common"));
        assert_eq!(kernel.srcarch().as_deref(), Some("x86"));
        assert!(kernel.config.is_on("RUST"));
    }

    #[test]
    fn the_compiler_is_gcc_by_its_own_name_or_clang() {
        let compiler = |config: &str| {
            let root = tempfile::tempdir().unwrap();
            make_installed(root.path(), "7.3.4-amd64", config);
            let release = "7.3.4-amd64".parse().unwrap();
            let kernel = Kernel::find(&System::below(root.path()), &release).unwrap();
            kernel.compiler().map(str::to_owned)
        };
        let gcc = "CONFIG_CC_VERSION_TEXT=\"x86_64-linux-gnu-gcc-14 (Debian 14.2.0-19) 14.2.0\"\n";
        assert_eq!(compiler(gcc).as_deref(), Some("x86_64-linux-gnu-gcc-14"));
        let clang =
            "CONFIG_CC_VERSION_TEXT=\"Debian clang version 19.1.7\"\nCONFIG_CC_IS_CLANG=y\n";
        assert_eq!(compiler(clang).as_deref(), Some("clang"));
        assert_eq!(compiler(""), None);
    }

    #[test]
    fn a_kernel_that_is_not_there_and_one_without_headers_are_told_apart() {
        let root = tempfile::tempdir().unwrap();
        let system = System::below(root.path());
        let release: Release = "7.3.4-amd64".parse().unwrap();
        let refusal = Kernel::find(&system, &release).unwrap_err();
        assert_eq!(refusal.reason, "no such kernel is installed");

        fs::create_dir_all(root.path().join("lib/modules/7.3.4-amd64")).unwrap();
        let refusal = Kernel::find(&system, &release).unwrap_err();
        assert_eq!(refusal.reason, "its headers are not installed");
        assert_eq!(
            refusal.mend.as_deref(),
            Some("apt install linux-headers-7.3.4-amd64")
        );
    }

    #[test]
    fn headers_without_a_config_are_refused() {
        let root = tempfile::tempdir().unwrap();
        let build = make_installed(root.path(), "7.3.4-amd64", "");
        fs::remove_file(build.join(".config")).unwrap();
        let release = "7.3.4-amd64".parse().unwrap();
        let refusal = Kernel::find(&System::below(root.path()), &release).unwrap_err();
        assert_eq!(refusal.reason, "its headers have no .config");
    }

    #[test]
    fn the_upstream_version_is_the_beginning_of_a_release() {
        let of = |text: &str| upstream(&text.parse().unwrap()).to_owned();
        assert_eq!(of("7.3.4+deb13-cloud-amd64"), "7.3.4");
        assert_eq!(of("7.4~rc3-amd64"), "7.4~rc3");
    }
}
