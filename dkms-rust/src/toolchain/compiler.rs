// SPDX-License-Identifier: GPL-2.0-only

//! The C compiler for a kernel's modules, which is looked up in the usual directories.

use crate::kernel::headers::Kernel;
use crate::kernel::refusal::Refusal;
use crate::toolchain::built_by::Built;
use crate::toolchain::gcc;
use crate::toolchain::llvm;
use crate::toolchain::programs::find;
use std::path::PathBuf;

/// The C compiler for a kernel: the make variables that differ from kbuild's own choice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compiler {
    args: Vec<String>,
}

impl Compiler {
    /// Finds the compiler: gcc of the major version that built the kernel, or a clang that is not
    /// older than the kernel's, with the other tools of LLVM.
    ///
    /// # Errors
    ///
    /// A refusal that says what to install.
    pub fn of(kernel: &Kernel) -> Result<Self, Refusal> {
        let built = Built::of(kernel);
        let args = if kernel.built_by_clang() {
            llvm::make_args(kernel, &built)?
        } else {
            gcc::make_args(kernel, &built)?
        };
        Ok(Self { args })
    }

    /// Returns the arguments for make.
    pub fn make_args(&self) -> &[String] {
        &self.args
    }

    /// Returns the strip for a kernel of another machine than this, if it is installed. This
    /// machine's own can't read that kernel's modules.
    pub fn foreign_strip(kernel: &Kernel) -> Option<PathBuf> {
        let machine = gcc::gnu_machine(kernel).filter(|machine| !gcc::is_native(Some(machine)))?;
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
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::kernel::headers::tests::make_installed;
    use crate::system::System;
    use crate::system::run::answer;
    use std::fs;
    use std::process::Command;

    /// Makes a kernel with this configuration, and this file of Debian's headers.
    pub(crate) fn kernel(config: &str, kernelvariables: &str) -> (tempfile::TempDir, Kernel) {
        let root = tempfile::tempdir().unwrap();
        let build = make_installed(root.path(), "7.3.4-amd64", config);
        fs::write(build.join(".kernelvariables"), kernelvariables).unwrap();
        let release = "7.3.4-amd64".parse().unwrap();
        let kernel = Kernel::find(&System::below(root.path()), &release).unwrap();
        (root, kernel)
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
        let llvm = |value: &str| Compiler {
            args: vec![format!("LLVM={value}")],
        };
        let suffixed = llvm("-19");
        assert_eq!(suffixed.make_args(), ["LLVM=-19"]);
        assert_eq!(heeded(&suffixed), ["V=1", "LLVM=-18"]);
        assert_eq!(heeded(&llvm("1")), args);
        assert_eq!(heeded(&Compiler::default()), args);
    }
}
