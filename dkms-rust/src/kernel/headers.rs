// SPDX-License-Identifier: GPL-2.0-only

//! An installed kernel, as its headers describe it.

use crate::kernel::kconfig::Kconfig;
use crate::kernel::refusal::Refusal;
use crate::kernel::release::Release;
use crate::system::System;
use crate::system::bounded;
use crate::system::dpkg;
use crate::system::elf;
use crate::system::names;
use crate::system::trusted::{is_root, trusted_below, trusted_or_missing, trusted_path};
use std::fs;
use std::path::{Path, PathBuf};

/// The file with the options that are set, as kbuild reads them.
const AUTO_CONF: &str = "include/config/auto.conf";

/// The file that says which kernel the headers belong to.
const RELEASE: &str = "include/config/kernel.release";

/// The programs that kbuild runs for every module.
const TOOLS: [&str; 2] = ["scripts/basic/fixdep", "scripts/mod/modpost"];

/// A kernel with headers.
#[derive(Debug)]
pub struct Kernel {
    /// The system that it is installed on.
    pub system: System,
    /// Its release.
    pub release: Release,
    /// Its build tree, as a path without links: the flavour's headers, most often
    /// `/lib/modules/<release>/build`.
    pub build: PathBuf,
    /// The source tree that the build tree includes: Debian's `-common` headers, or the build tree
    /// itself if there is only one tree.
    pub common: PathBuf,
    /// Its configuration.
    pub config: Kconfig,
}

impl Kernel {
    /// Finds a kernel.
    ///
    /// # Errors
    ///
    /// A refusal if it is not installed, or its headers are missing or incomplete.
    pub fn find(system: &System, release: &Release) -> Result<Self, Refusal> {
        let modules = system.modules().join(release.as_str());
        if !modules.is_dir() {
            let mend = format!("name one of the kernels in {}", system.modules().display());
            return Err(Refusal::new(release, "no such kernel is installed", mend));
        }
        let headers = |why: &str| Refusal::new(release, why, install(system, release));
        let build = fs::canonicalize(system.headers(release.as_str()))
            .map_err(|_| headers("its headers are not installed"))?;
        let common = common(&build).unwrap_or_else(|| build.clone());
        if is_root() {
            owned(system, release, &build, &common)?;
        }
        if system.has_other_headers() {
            check_release(system, release, &build)?;
        }
        for part in ["Makefile", AUTO_CONF, "include/generated/autoconf.h"] {
            if !build.join(part).exists() {
                let why = format!("its headers lack {part}");
                return Err(Refusal::new(
                    release,
                    why,
                    again(system, &build, part, "modules_prepare"),
                ));
            }
        }
        // Some headers come without a .config; auto.conf contains all options that are set, too.
        let config = [".config", AUTO_CONF]
            .iter()
            .find_map(|name| {
                let bytes = bounded::read(&build.join(name), bounded::TEXT).ok()?;
                String::from_utf8(bytes).ok()
            })
            .ok_or_else(|| headers("its configuration can't be read"))?;
        Ok(Self {
            system: system.clone(),
            release: release.clone(),
            common,
            build,
            config: Kconfig::parse(&config),
        })
    }

    /// Returns the name of the directory below `arch/` that the kernel was built from, such as
    /// `x86`.
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

    /// Returns whether clang built the kernel.
    pub fn built_by_clang(&self) -> bool {
        self.config.is_on("CC_IS_CLANG")
    }

    /// Refuses the kernel if its headers lack what every module is built with, or if that does not
    /// run here: the list of exported symbols, and kbuild's own tools.
    ///
    /// # Errors
    ///
    /// The refusal.
    pub fn can_build(&self) -> Result<(), Refusal> {
        let (system, build) = (&self.system, &self.build);
        let refuse = |why: String, file: &str, target: &str| {
            let mend = again(system, build, file, target);
            Err(Refusal::new(&self.release, why, mend))
        };
        if !fs::metadata(self.symvers()).is_ok_and(|meta| meta.len() > 0) {
            let why = "its headers lack Module.symvers, which lists what the kernel exports";
            return refuse(why.to_owned(), "Module.symvers", "modules");
        }
        for tool in TOOLS {
            let path = build.join(tool);
            let Some(machine) = elf::machine(&path) else {
                if !path.exists() {
                    let why = format!("its headers lack {tool}");
                    return refuse(why, tool, "modules_prepare");
                }
                continue;
            };
            if !elf::runs_here(machine) {
                let why = format!(
                    "{} is not a program for this machine ({}), so its headers can't be used here",
                    path.display(),
                    std::env::consts::ARCH
                );
                return Err(Refusal::final_(&self.release, why));
            }
        }
        Ok(())
    }

    /// Returns the path of the file with the kernel's exported symbols.
    pub fn symvers(&self) -> PathBuf {
        self.build.join("Module.symvers")
    }
}

/// Returns the tree that the short Makefile of a build tree includes, as in Debian and Ubuntu.
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

/// Refuses headers that belong to another kernel than the requested one.
fn check_release(system: &System, release: &Release, build: &Path) -> Result<(), Refusal> {
    let theirs = fs::read_to_string(build.join(RELEASE)).unwrap_or_default();
    let theirs = theirs.trim();
    if theirs.is_empty() || theirs == release.as_str() {
        return Ok(());
    }
    let why = format!(
        "the headers in {} are those of {theirs}",
        system.shown(build)
    );
    let mend = format!("name its own headers, or the kernel that these are for: -k {theirs}");
    Err(Refusal::new(release, why, mend))
}

/// Refuses a build tree that users other than root can change: root would run programs and build
/// code that they put there. Before this check, only the tree's Makefile is read.
fn owned(system: &System, release: &Release, build: &Path, common: &Path) -> Result<(), Refusal> {
    let Err(error) = check_owner(build).and_then(|()| check_owner(common)) else {
        return Ok(());
    };
    let why = format!(
        "users other than root can change its build tree ({error}), so root does not use it"
    );
    let (from, to) = (
        system.shown(build),
        format!("/usr/src/linux-headers-{release}"),
    );
    let rest = build == common || check_owner(common).is_ok();
    let mend = if rest && !system.at(&to[1..]).exists() {
        format!(
            "cp -rT --preserve=timestamps {from} {to} && ln -sfn {to} /lib/modules/{release}/build"
        )
    } else {
        format!(
            "install its headers as a package (make bindeb-pkg makes one), or build the module as \
             the user who owns {from}"
        )
    };
    Err(Refusal::new(release, why, mend))
}

/// The directories of a tree that a build uses.
const USED: [&str; 5] = ["arch", "include", "rust", "scripts", "tools"];

/// Checks the ownership of a tree: of the entries at its top, and of everything that make and the
/// compilers read in it.
fn check_owner(tree: &Path) -> anyhow::Result<()> {
    trusted_path(tree)?;
    for name in names(tree) {
        trusted_or_missing(&tree.join(name))?;
    }
    for part in USED {
        let folder = tree.join(part);
        if folder.is_dir() {
            trusted_below(&folder)?;
        }
    }
    Ok(())
}

/// Returns the mend for missing headers. It also installs the matching linux-source if apt has it,
/// because users who lack the headers mostly lack the source, too.
fn install(system: &System, release: &Release) -> String {
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
fn again(system: &System, build: &Path, name: &str, target: &str) -> String {
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
pub(crate) mod tests {
    use super::*;

    /// Makes what looks like an installed kernel: a Debian build tree with `-common` headers.
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
        fs::write(
            build.join("Module.symvers"),
            "0x0\tprintk\tvmlinux\tEXPORT_SYMBOL\t\n",
        )
        .unwrap();
        for tool in TOOLS {
            fs::create_dir_all(build.join(tool).parent().unwrap()).unwrap();
            fs::write(build.join(tool), "#!/bin/sh\n").unwrap();
        }
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
    fn a_kernel_that_is_not_there_and_one_without_headers_are_told_apart() {
        let root = tempfile::tempdir().unwrap();
        let system = System::below(root.path());
        let release: Release = "7.3.4-amd64".parse().unwrap();
        let refusal = Kernel::find(&system, &release).unwrap_err();
        assert_eq!(refusal.reason, "no such kernel is installed");

        fs::create_dir_all(root.path().join("lib/modules/7.3.4-amd64")).unwrap();
        let refusal = Kernel::find(&system, &release).unwrap_err();
        assert_eq!(refusal.reason, "its headers are not installed");
        // apt has nothing for this system, so the mend is not an apt command.
        let mend = refusal.mend.unwrap();
        assert!(
            mend.starts_with("install linux-headers-7.3.4-amd64 from"),
            "{mend}"
        );
    }

    fn find(root: &Path) -> Result<Kernel, Refusal> {
        Kernel::find(&System::below(root), &"7.3.4-amd64".parse().unwrap())
    }

    #[test]
    fn headers_from_elsewhere_serve_if_they_are_that_kernel_s() {
        let root = tempfile::tempdir().unwrap();
        make_installed(root.path(), "7.3.4-amd64", "");
        let usual = find(root.path()).unwrap().build;
        let other = root.path().join("elsewhere");
        assert!(
            std::process::Command::new("cp")
                .args([Path::new("-r"), &usual, &other])
                .status()
                .unwrap()
                .success()
        );
        let system = System::below(root.path()).with_headers(Some(other.clone()));
        let release: Release = "7.3.4-amd64".parse().unwrap();
        assert_eq!(Kernel::find(&system, &release).unwrap().build, other);
        fs::write(other.join(RELEASE), "7.3.5-amd64\n").unwrap();
        let refusal = Kernel::find(&system, &release).unwrap_err();
        assert_eq!(
            refusal.reason,
            "the headers in /elsewhere are those of 7.3.5-amd64"
        );
    }

    #[test]
    fn headers_without_a_config_have_one_in_auto_conf() {
        let root = tempfile::tempdir().unwrap();
        let build = make_installed(root.path(), "7.3.4-amd64", "CONFIG_RUST=y\n");
        fs::remove_file(build.join(".config")).unwrap();
        assert!(find(root.path()).unwrap().config.is_on("RUST"));
        fs::remove_file(build.join(AUTO_CONF)).unwrap();
        let refusal = find(root.path()).unwrap_err();
        assert_eq!(refusal.reason, "its headers lack include/config/auto.conf");
    }

    #[test]
    fn headers_without_the_kernel_s_symbols_are_refused() {
        let root = tempfile::tempdir().unwrap();
        let build = make_installed(root.path(), "7.3.4-amd64", "");
        let can_build = || find(root.path()).unwrap().can_build();
        assert_eq!(can_build(), Ok(()));
        fs::write(build.join("Module.symvers"), "").unwrap();
        let refusal = can_build().unwrap_err();
        assert!(refusal.reason.contains("Module.symvers"), "{refusal}");
        assert!(refusal.mend.unwrap().starts_with("make modules where"));
        // A whole source tree can build the file itself.
        fs::create_dir(build.join("kernel")).unwrap();
        fs::write(build.join("kernel/fork.c"), "").unwrap();
        let mend = can_build().unwrap_err().mend.unwrap();
        assert!(
            mend.starts_with("make -C ") && mend.ends_with(" modules"),
            "{mend}"
        );
    }

    #[test]
    fn headers_whose_tools_are_missing_or_of_another_machine_are_refused() {
        let root = tempfile::tempdir().unwrap();
        let build = make_installed(root.path(), "7.3.4-amd64", "");
        let modpost = build.join(TOOLS[1]);
        let mut program = fs::read("/proc/self/exe").unwrap();
        program.truncate(64);
        fs::write(&modpost, &program).unwrap();
        let can_build = || find(root.path()).unwrap().can_build();
        assert_eq!(can_build(), Ok(()));
        // The machine number of m68k.
        program[18..20].copy_from_slice(&4_u16.to_ne_bytes());
        fs::write(&modpost, &program).unwrap();
        let refusal = can_build().unwrap_err();
        assert!(
            refusal.reason.contains("not a program for this machine"),
            "{refusal}"
        );
        fs::remove_file(&modpost).unwrap();
        let refusal = can_build().unwrap_err();
        assert!(
            refusal.reason.ends_with("lack scripts/mod/modpost"),
            "{refusal}"
        );
    }

    #[test]
    fn root_uses_no_tree_that_others_can_change() {
        use std::os::unix::fs::PermissionsExt;
        let root = tempfile::tempdir().unwrap();
        let build = make_installed(root.path(), "7.3.4-amd64", "");
        assert!(check_owner(&build).is_ok());
        let set = |path: &Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        };
        let modpost = build.join(TOOLS[1]);
        set(&modpost, 0o777);
        assert!(check_owner(&build).is_err());
        if is_root() {
            let refusal = find(root.path()).unwrap_err();
            assert!(
                refusal
                    .reason
                    .contains("users other than root can change its build tree"),
                "{refusal}"
            );
        }
        set(&modpost, 0o755);
        set(&build, 0o777);
        assert!(check_owner(&build).is_err());
    }

    #[test]
    fn the_upstream_version_is_the_beginning_of_a_release() {
        let of = |text: &str| upstream(&text.parse().unwrap()).to_owned();
        assert_eq!(of("7.3.4+deb13-cloud-amd64"), "7.3.4");
        assert_eq!(of("7.4~rc3-amd64"), "7.4~rc3");
    }
}
