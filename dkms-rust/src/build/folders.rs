// SPDX-License-Identifier: GPL-2.0-only

//! Finds the directories of a module's source and of its objects.

use crate::kernel::headers::Kernel;
use crate::kernel::refusal::Refusal;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// The make variable with the lists of symbols that other modules export.
const EXTRA_SYMBOLS: &str = "KBUILD_EXTRA_SYMBOLS=";

/// The directories in which kbuild's make reads and writes.
#[derive(Debug)]
pub struct Folders {
    /// The directory of the module's source.
    pub source: PathBuf,
    /// The directory of its objects and modules.
    pub output: PathBuf,
}

impl Folders {
    /// Returns the current directory, or the directories in the arguments.
    ///
    /// # Errors
    ///
    /// Returns an error if there is nothing to build.
    pub fn find(args: &[String]) -> Result<Self> {
        let here = fs::canonicalize(".").context("can't find the current directory")?;
        let named = |name: &str| {
            let value = args.iter().rev().find_map(|arg| arg.strip_prefix(name))?;
            Some(here.join(value))
        };
        let source = named("M=").unwrap_or_else(|| here.clone());
        let output = named("MO=").unwrap_or_else(|| source.clone());
        let names = ["Kbuild", "Makefile"];
        ensure!(
            names.iter().any(|name| source.join(name).is_file()),
            "there is no module to build in {}: neither Kbuild nor Makefile",
            source.display()
        );
        Ok(Self { source, output })
    }

    /// Passes the directories and the user's other arguments to kbuild. The last of several `M=`
    /// wins.
    pub fn tell<'a>(&self, make: &mut Command, args: impl IntoIterator<Item = &'a String>) {
        make.arg(format!("M={}", self.source.display()));
        if self.output != self.source {
            make.arg(format!("MO={}", self.output.display()));
        }
        let args: Vec<&String> = args.into_iter().collect();
        let lists = self.extra_symbols(args.iter().copied());
        if !lists.is_empty() {
            // Some versions of kbuild take relative paths from the kernel's tree.
            let lists: Vec<_> = lists.iter().map(|list| list.to_string_lossy()).collect();
            make.arg(format!("{EXTRA_SYMBOLS}{}", lists.join(" ")));
        }
        let ours = ["M=", "MO=", EXTRA_SYMBOLS];
        let other = |arg: &&String| !ours.iter().any(|name| arg.starts_with(name));
        make.args(args.into_iter().filter(other));
    }

    /// Refuses a separate output directory if the kernel's kbuild does not support it. kbuild would
    /// silently write into the source directory.
    ///
    /// # Errors
    ///
    /// Returns that refusal.
    pub fn check(&self, kernel: &Kernel) -> Result<(), Refusal> {
        let makefile = fs::read_to_string(kernel.common.join("Makefile")).unwrap_or_default();
        if self.output == self.source || makefile.contains("KBUILD_EXTMOD_OUTPUT") {
            return Ok(());
        }
        let why = "its kbuild has no MO=, which was added in 6.13";
        let mend = "copy the module's source to the output directory and build it there";
        Err(Refusal::new(&kernel.release, why, mend))
    }

    /// Returns the lists of other modules' symbols in make's arguments.
    pub fn extra_symbols<'a>(&self, args: impl IntoIterator<Item = &'a String>) -> Vec<PathBuf> {
        let lists = args
            .into_iter()
            .filter_map(|arg| arg.strip_prefix(EXTRA_SYMBOLS));
        // The last setting wins.
        lists
            .last()
            .into_iter()
            .flat_map(str::split_whitespace)
            .map(|file| self.source.join(file))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::headers::tests::make_installed;
    use crate::system::System;

    #[test]
    fn kbuild_is_told_of_the_directories_once_and_absolutely() {
        let folders = Folders {
            source: "/srv/a".into(),
            output: "/srv/out".into(),
        };
        let args = ["M=.", "V=1", "MO=../out", "KBUILD_EXTRA_SYMBOLS=../b/s /c"];
        let args = args.map(str::to_owned);
        let mut make = Command::new("make");
        folders.tell(&mut make, &args);
        let told: Vec<_> = make.get_args().collect();
        let lists = "KBUILD_EXTRA_SYMBOLS=/srv/a/../b/s /c";
        assert_eq!(told, ["M=/srv/a", "MO=/srv/out", lists, "V=1"]);
    }

    #[test]
    fn an_output_directory_is_refused_where_kbuild_would_not_heed_it() {
        let root = tempfile::tempdir().unwrap();
        make_installed(root.path(), "6.12.1-amd64", "");
        let release = "6.12.1-amd64".parse().unwrap();
        let kernel = Kernel::find(&System::below(root.path()), &release).unwrap();
        let folders = |output: &str| Folders {
            source: "/srv/a".into(),
            output: output.into(),
        };
        assert!(folders("/srv/a").check(&kernel).is_ok());
        let refusal = folders("/srv/out").check(&kernel).unwrap_err();
        assert!(refusal.reason.contains("MO="), "{refusal}");
        fs::write(kernel.common.join("Makefile"), "KBUILD_EXTMOD_OUTPUT := x").unwrap();
        assert!(folders("/srv/out").check(&kernel).is_ok());
    }
}
