// SPDX-License-Identifier: GPL-2.0-only

//! Finds the C compiler for a kernel's modules.
//!
//! The kernel's configuration names the compiler that built it, but only as text. Only a version
//! and, at most, a plain name are taken from there; programs are looked up in the usual
//! directories.

use crate::kernel::headers::Kernel;
use crate::kernel::refusal::Refusal;
use crate::system::dpkg;
use crate::system::names;
use crate::system::run::answer;
use crate::system::search::may_run;
use crate::toolchain::minimum::numbers;
use crate::toolchain::programs::{find, named};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The C compiler for a kernel: the make variables that differ from kbuild's own choice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compiler {
    args: Vec<String>,
}

/// The LLVM tools that kbuild runs for a module, without their suffix.
const LLVM: [&str; 5] = ["clang", "ld.lld", "llvm-ar", "llvm-nm", "llvm-objcopy"];

/// The directory in which Debian's packages put each version of LLVM.
const LLVM_VERSIONS: &str = "/usr/lib";

impl Compiler {
    /// Finds the compiler: gcc of the major version that built the kernel, or a clang that is not
    /// older than the kernel's, with the other tools of LLVM.
    ///
    /// # Errors
    ///
    /// A refusal that says what to install.
    pub fn of(kernel: &Kernel) -> Result<Self, Refusal> {
        let built = Built::of(kernel);
        if kernel.built_by_clang() {
            return llvm(kernel, &built);
        }
        gcc(kernel, &built)
    }

    /// Returns the arguments for make.
    pub fn make_args(&self) -> &[String] {
        &self.args
    }

    /// Returns the strip for a kernel of another machine than this, if it is installed. This
    /// machine's own can't read that kernel's modules.
    pub fn foreign_strip(kernel: &Kernel) -> Option<PathBuf> {
        let machine = gnu_machine(kernel).filter(|machine| !is_native(Some(machine)))?;
        find(&format!("{machine}-linux-gnu-strip"))
    }

    /// Returns those of the user's make arguments that go behind ours and take precedence. For a
    /// kernel that clang built, dkms adds LLVM's plain names to every call; they are left out if
    /// the tools have other names on this machine.
    pub fn heeded<'a>(&self, args: &'a [String]) -> impl Iterator<Item = &'a String> {
        let plain = "LLVM=1";
        let suffixed = self
            .args
            .iter()
            .any(|arg| arg.starts_with("LLVM=") && arg != plain);
        let dkms_s = [plain, "CC=clang", "LD=ld.lld"];
        args.iter()
            .filter(move |arg| !suffixed || !dkms_s.contains(&arg.as_str()))
    }

    /// Builds the arguments for the gcc `name`; kbuild by itself would choose `kbuilds`.
    fn gcc(name: &str, kbuilds: &str, native: bool) -> Self {
        let mut args = Vec::new();
        if name != kbuilds {
            args.push(format!("CC={name}"));
        }
        // kbuild uses gcc for programs that run on this machine.
        if find("gcc").is_none() {
            let versioned = named("gcc").into_iter().next();
            let host = versioned.map(|gcc| gcc.display().to_string());
            let host = host.or_else(|| native.then(|| name.to_owned()));
            args.extend(host.map(|host| format!("HOSTCC={host}")));
        }
        Self { args }
    }

    fn llvm(value: &str) -> Self {
        Self {
            args: vec![format!("LLVM={value}")],
        }
    }
}

/// What the configuration says about the compiler.
#[derive(Debug, PartialEq, Eq)]
struct Built {
    /// Its name, if it is a plain one.
    name: Option<String>,
    /// Its major version.
    major: Option<u32>,
    text: String,
}

impl Built {
    fn of(kernel: &Kernel) -> Self {
        let text = kernel.config.get("CC_VERSION_TEXT").unwrap_or_default();
        let name = text.split(' ').next().filter(|name| is_plain(name));
        let number = ["GCC_VERSION", "CLANG_VERSION"]
            .iter()
            .filter_map(|option| kernel.config.get(option)?.parse::<u32>().ok())
            .find(|number| *number > 0);
        let text_s = || {
            // gcc's text ends with its version; clang's has it in the middle.
            let words = text.split(' ').rev();
            let mut versions = words.filter(|word| word.starts_with(|c: char| c.is_ascii_digit()));
            let version = versions.find_map(numbers)?;
            Some(version[0])
        };
        Self {
            name: name.map(str::to_owned),
            major: number.map(|number| number / 10_000).or_else(text_s),
            text: text.to_owned(),
        }
    }
}

/// Returns whether a name can be that of a program in one of the usual directories.
fn is_plain(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._+-".contains(c);
    name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(allowed)
}

fn gcc(kernel: &Kernel, built: &Built) -> Result<Compiler, Refusal> {
    let kbuilds = kbuilds(kernel);
    let Some(major) = built.major else {
        return match find(&kbuilds) {
            Some(_) => Ok(Compiler::gcc(&kbuilds, &kbuilds, false)),
            None => Err(no_gcc(kernel, built)),
        };
    };
    let machine = gnu_machine(kernel);
    let mut candidates = vec![kbuilds.clone()];
    candidates.extend(built.name.clone());
    candidates.extend(machine.map(|machine| format!("{machine}-linux-gnu-gcc-{major}")));
    candidates.extend(machine.map(|machine| format!("{machine}-linux-gnu-gcc")));
    candidates.extend([format!("gcc-{major}"), "gcc".to_owned()]);
    let fits = |name: &String| {
        find(name).is_some_and(|path| {
            let ask = |question| answer(Command::new(&path).arg(question));
            let version = ask("-dumpversion");
            version.is_some_and(|version| version.split('.').next() == Some(&major.to_string()))
                && ask("-dumpmachine").is_some_and(|made_for| is_for(machine, &made_for))
        })
    };
    match candidates.into_iter().find(fits) {
        Some(name) => Ok(Compiler::gcc(&name, &kbuilds, is_native(machine))),
        None => Err(no_gcc(kernel, built)),
    }
}

fn no_gcc(kernel: &Kernel, built: &Built) -> Refusal {
    let major = built
        .major
        .map(|major| format!("-{major}"))
        .unwrap_or_default();
    let why = format!(
        "it was built by {:?}, but gcc{major} for its machine is not installed",
        built.text
    );
    let machine = gnu_machine(kernel);
    let package = match machine {
        Some(machine) if !is_native(Some(machine)) => {
            format!("gcc{major}-{}-linux-gnu", machine.replace('_', "-"))
        }
        _ => format!("gcc{major}"),
    };
    let system = &kernel.system;
    let mend = dpkg::install(system, &[&package])
        .or_else(|| {
            let owner = dpkg::owner_of(system, &system.at("usr/bin").join(kbuilds(kernel)))?;
            dpkg::reinstall(system, &[&owner])
        })
        .unwrap_or_else(|| {
            format!("install gcc{major} for its machine (none of apt's sources has {package})")
        });
    Refusal::new(&kernel.release, why, mend)
}

/// Returns the gcc that kbuild uses by default: Debian's headers name one in `.kernelvariables`.
fn kbuilds(kernel: &Kernel) -> String {
    let file = kernel.build.join(".kernelvariables");
    let text = fs::read_to_string(file).unwrap_or_default();
    let value = |variable: &str| {
        text.lines().find_map(|line| {
            let (name, value) = line.split_once('=')?;
            let name = name.trim_end_matches([':', '?']).trim();
            (name == variable || name.strip_prefix("override ").map(str::trim) == Some(variable))
                .then(|| value.trim())
        })
    };
    let prefix = value("CROSS_COMPILE").unwrap_or_default();
    let name = value("CC")
        .and_then(|value| value.rsplit([' ', ')']).next())
        .unwrap_or("gcc");
    let name = format!("{prefix}{name}");
    if is_plain(&name) { name } else { "gcc".into() }
}

/// Returns the first part of the GNU triplet of the kernel's machine.
fn gnu_machine(kernel: &Kernel) -> Option<&'static str> {
    match kernel.srcarch()?.as_str() {
        "x86" if kernel.config.is_on("X86_32") => Some("i686"),
        "x86" => Some("x86_64"),
        "arm64" => Some("aarch64"),
        "riscv" if kernel.config.is_on("64BIT") => Some("riscv64"),
        "loongarch" => Some("loongarch64"),
        _ => None,
    }
}

/// Returns whether programs for a machine run here.
fn is_native(machine: Option<&str>) -> bool {
    machine.is_none_or(|machine| machine == std::env::consts::ARCH)
}

/// Returns whether a gcc that was made for one machine serves the kernel's machine.
fn is_for(machine: Option<&str>, made_for: &str) -> bool {
    let made_for = made_for.split('-').next().unwrap_or_default();
    match machine {
        // A gcc for either of them compiles for both.
        Some("i686" | "x86_64") => made_for == "x86_64" || made_for.ends_with("86"),
        Some(machine) => made_for == machine,
        None => true,
    }
}

fn llvm(kernel: &Kernel, built: &Built) -> Result<Compiler, Refusal> {
    let oldest = built.major.unwrap_or(0);
    let mut usable: Vec<(bool, usize, String)> = Vec::new();
    for (at, (value, clang)) in llvm_here().into_iter().enumerate() {
        let version = answer(Command::new(&clang).arg("--version"));
        let major = version.and_then(|text| Some(numbers(text.split_once("version ")?.1)?[0]));
        if major.is_some_and(|major| major >= oldest) {
            usable.push((major != Some(oldest), at, value));
        }
    }
    // Prefer the kernel's own version to newer ones, and plain names to others.
    if let Some((_, _, value)) = usable.into_iter().min() {
        return Ok(Compiler::llvm(&value));
    }
    let why = format!(
        "it was built by clang ({:?}), but {} of that version or newer are not all installed",
        built.text,
        LLVM.join(", ")
    );
    let versioned = ["clang", "lld", "llvm"].map(|name| format!("{name}-{oldest}"));
    let [clang, lld, llvm] = &versioned;
    let new_enough = |version: &str| {
        let version = version
            .split_once(':')
            .map_or(version, |(_, version)| version);
        numbers(version).is_some_and(|[major, ..]| major >= oldest)
    };
    let mend = dpkg::install(&kernel.system, &[clang, lld, llvm])
        .or_else(|| dpkg::install_version(&kernel.system, "clang", &["lld", "llvm"], new_enough))
        .unwrap_or_else(|| {
            format!(
                "install clang, lld and llvm, each of version {oldest} or newer (none of apt's \
                 sources has them)"
            )
        });
    Err(Refusal::new(&kernel.release, why, mend))
}

/// Returns the complete sets of LLVM's tools: the value of kbuild's variable, and clang's path.
fn llvm_here() -> Vec<(String, std::path::PathBuf)> {
    let mut found = Vec::new();
    let versions: BTreeSet<u32> = names(Path::new(LLVM_VERSIONS))
        .iter()
        .filter_map(|name| name.strip_prefix("llvm-")?.parse().ok())
        .collect();
    let suffixes = versions.iter().rev().map(|version| format!("-{version}"));
    for suffix in [String::new()].into_iter().chain(suffixes) {
        let paths: Vec<_> = LLVM
            .iter()
            .filter_map(|tool| find(&format!("{tool}{suffix}")))
            .collect();
        if paths.len() == LLVM.len() {
            let value = if suffix.is_empty() {
                "1".to_owned()
            } else {
                suffix
            };
            found.extend(paths.into_iter().next().map(|clang| (value, clang)));
        }
    }
    for version in versions.iter().rev() {
        let folder = Path::new(LLVM_VERSIONS).join(format!("llvm-{version}/bin"));
        if LLVM.iter().all(|tool| may_run(&folder.join(tool))) {
            found.push((format!("{}/", folder.display()), folder.join(LLVM[0])));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::headers::tests::make_installed;
    use crate::system::System;

    fn kernel(config: &str, kernelvariables: &str) -> (tempfile::TempDir, Kernel) {
        let root = tempfile::tempdir().unwrap();
        let build = make_installed(root.path(), "7.3.4-amd64", config);
        fs::write(build.join(".kernelvariables"), kernelvariables).unwrap();
        let release = "7.3.4-amd64".parse().unwrap();
        let kernel = Kernel::find(&System::below(root.path()), &release).unwrap();
        (root, kernel)
    }

    fn built(config: &str) -> (Option<String>, Option<u32>) {
        let built = Built::of(&kernel(config, "").1);
        (built.name, built.major)
    }

    #[test]
    fn a_compiler_is_known_by_its_version_and_never_by_a_path() {
        let debian = "CONFIG_CC_VERSION_TEXT=\"x86_64-linux-gnu-gcc-14 (Debian 14.2.0-19) 14.2.0\"";
        let name = "x86_64-linux-gnu-gcc-14".to_owned();
        assert_eq!(built(debian), (Some(name), Some(14)));
        let path = "CONFIG_CC_VERSION_TEXT=\"/home/u/gcc (own) 13.1.0\"\nCONFIG_GCC_VERSION=140200";
        assert_eq!(built(path), (None, Some(14)));
        let path = "CONFIG_CC_VERSION_TEXT=\"../gcc (own) 13.1.0\"";
        assert_eq!(built(path), (None, Some(13)));
        let clang = "CONFIG_CC_VERSION_TEXT=\"Debian clang version 19.1.7 (3)\"\n\
                     CONFIG_GCC_VERSION=0\nCONFIG_CLANG_VERSION=0";
        assert_eq!(built(clang).1, Some(19));
        assert_eq!(built(""), (None, None));
        assert!(!is_plain("a b") && !is_plain("-o") && !is_plain("..") && !is_plain("$(x)"));
    }

    #[test]
    fn kbuild_s_own_choice_is_read_from_debian_s_variables() {
        let debian = "override ARCH = x86\nCCACHE = ccache\n\
                      CC = $(if $(DEBIAN_KERNEL_USE_CCACHE),$(CCACHE)) $(CROSS_COMPILE)gcc-14\n\
                      override CROSS_COMPILE = x86_64-linux-gnu-\n";
        assert_eq!(kbuilds(&kernel("", debian).1), "x86_64-linux-gnu-gcc-14");
        assert_eq!(kbuilds(&kernel("", "").1), "gcc");
        assert_eq!(kbuilds(&kernel("", "CC = /home/u/gcc\n").1), "gcc");
    }

    #[test]
    fn a_gcc_of_the_same_major_version_serves_whatever_it_was_called() {
        let Some(major) = find("gcc")
            .and_then(|gcc| answer(Command::new(gcc).arg("-dumpversion")))
            .and_then(|version| version.split('.').next()?.parse::<u32>().ok())
        else {
            return;
        };
        let of = |name: &str, major: u32| {
            let text = format!("CONFIG_CC_VERSION_TEXT=\"{name} (Test) {major}.2.0\"\n");
            Compiler::of(&kernel(&text, "").1)
        };
        for name in ["gcc", "x86_64-pc-linux-gnu-gcc", "/opt/cross/bin/gcc"] {
            assert_eq!(of(name, major), Ok(Compiler::default()), "{name}");
        }
        let refusal = of("gcc", 5).unwrap_err();
        assert!(
            refusal.reason.contains("gcc-5 for its machine is not"),
            "{refusal}"
        );
        assert!(
            refusal
                .mend
                .unwrap()
                .contains("none of apt's sources has gcc-5")
        );
    }

    #[test]
    fn a_gcc_serves_only_the_machine_that_it_was_made_for() {
        assert!(is_for(Some("x86_64"), "x86_64-linux-gnu"));
        assert!(!is_for(Some("aarch64"), "x86_64-linux-gnu"));
        assert!(is_for(None, "anything"));
    }

    #[test]
    fn clang_newer_than_any_is_refused_with_all_that_is_missing() {
        let config = "CONFIG_CC_IS_CLANG=y\n\
                      CONFIG_CC_VERSION_TEXT=\"Debian clang version 999.1.7 (3)\"\n";
        let refusal = Compiler::of(&kernel(config, "").1).unwrap_err();
        let mend = refusal.mend.unwrap();
        for package in ["clang", "lld", "llvm"] {
            assert!(mend.contains(package), "{mend}");
        }
    }

    #[test]
    fn what_dkms_adds_for_clang_gives_way_where_there_are_no_such_tools() {
        let args = ["LLVM=1", "CC=clang", "LD=ld.lld", "V=1", "LLVM=-18"].map(str::to_owned);
        let heeded = |compiler: &Compiler| compiler.heeded(&args).cloned().collect::<Vec<_>>();
        let suffixed = Compiler::llvm("-19");
        assert_eq!(suffixed.make_args(), ["LLVM=-19"]);
        assert_eq!(heeded(&suffixed), ["V=1", "LLVM=-18"]);
        assert_eq!(heeded(&Compiler::llvm("1")), args);
        assert_eq!(heeded(&Compiler::default()), args);
    }
}
