// SPDX-License-Identifier: GPL-2.0-only

//! The command line as text and types; what is done is in `commands`. May use `kernel` and
//! `scaffold`.

use crate::kernel::release::Release;
use crate::scaffold::name::Name;
use clap::{CommandFactory, Parser, Subcommand};
use std::path::PathBuf;
use std::str::FromStr;

/// Gives any Rust kernel module a build tree that can build it
///
/// Debian's kernels ship no Rust metadata, without which no Rust module builds out of tree.
/// dkms-rust rebuilds it from linux-source, keeps it, and builds modules with it.
#[derive(Debug, Parser)]
#[command(name = "dkms-rust", version, after_help = AFTER_HELP)]
pub struct Cli {
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

const AFTER_HELP: &str = "\
Exit status: 0 done; 1 failed (status: something is missing); 2 wrong arguments (status: it could
not tell); 77 this kernel can't be served, with the reason and what mends it.";

/// One of dkms-rust's commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Build the module in the current folder
    Make {
        /// Which kernel
        #[command(flatten)]
        kernel: KernelArg,
        /// What kbuild's make gets besides: variables, or targets instead of `modules`
        #[arg(last = true, value_name = "MAKE ARGUMENTS")]
        args: Vec<String>,
    },
    /// Build the module in the current folder for a kernel that is not installed, or for all that are
    Preflight {
        /// The Debian packages of its headers, and that of its source; or a directory with headers
        #[arg(
            value_name = "HEADERS",
            required_unless_present = "all",
            conflicts_with = "all"
        )]
        headers: Vec<PathBuf>,
        /// Its source: a directory, a tarball, or the file of a linux-source package
        #[arg(long, value_name = "PATH", conflicts_with = "all")]
        source: Option<PathBuf>,
        /// Build for every kernel that is installed with its headers, and clean up after each
        #[arg(long)]
        all: bool,
        /// Print what came out as JSON
        #[arg(long)]
        json: bool,
        /// Keep headers and build trees below this directory [default: ~/.cache/dkms-rust]
        #[arg(long, value_name = "DIRECTORY")]
        cache: Option<PathBuf>,
        /// What kbuild's make gets besides
        #[arg(last = true, value_name = "MAKE ARGUMENTS")]
        args: Vec<String>,
    },
    /// Make the kernel's build tree ready, and print its path
    Kdir {
        /// Which kernel
        #[command(flatten)]
        kernel: KernelArg,
    },
    /// Keep what rebuilds need of the kernel's source, which is here or from elsewhere
    Source {
        /// Which kernel
        #[command(flatten)]
        kernel: KernelArg,
        /// Take it from a directory, a tarball, or the file of a linux-source package
        #[arg(long, value_name = "PATH")]
        from: Option<PathBuf>,
        /// Download linux-source of the headers' version by apt, and install nothing
        #[arg(long, conflicts_with = "from")]
        fetch: bool,
        /// Also a source of another version than the headers; modules are then linked
        #[arg(long, requires = "from")]
        force: bool,
    },
    /// Say whether modules can be built for the kernel; 77 if not
    Check {
        /// Which kernel
        #[command(flatten)]
        kernel: KernelArg,
        /// Print nothing
        #[arg(short, long, conflicts_with = "json")]
        quiet: bool,
        /// Print the answer as JSON
        #[arg(long)]
        json: bool,
        /// Also say whether this module, as installed, was built against the headers that are
        /// installed now; 1 if not
        #[arg(long, value_name = "NAME")]
        module: Option<String>,
    },
    /// Show every kernel, and the Rust modules that DKMS has for it
    Status {
        /// Also show kernels of which only modules are left
        #[arg(long)]
        all: bool,
        /// Print the table as JSON
        #[arg(long)]
        json: bool,
    },
    /// Write a new module, and all that makes a package of it
    New {
        /// Its name; the package is NAME-dkms
        name: Name,
        /// Where, a directory that is empty or not there [default: ./NAME]
        directory: Option<PathBuf>,
        /// Make the package by debhelper (dh-sequence-dkms-rust) instead of dpkg alone
        #[arg(long)]
        debhelper: bool,
    },
    /// Look after a DKMS package; its maintainer scripts call this
    Package {
        /// What the script's turn is
        #[command(subcommand)]
        action: PackageAction,
    },
    /// Say 77 for a kernel that can't be built for; PRE_BUILD of dkms.conf calls this
    Prebuild {
        /// Which kernel
        #[command(flatten)]
        kernel: KernelArg,
        /// The package and its version, as dkms.conf has them
        #[arg(value_name = "NAME/VERSION")]
        source: NamedVersion,
        /// What kbuild's make gets besides
        #[arg(last = true, value_name = "MAKE ARGUMENTS")]
        args: Vec<String>,
    },
    /// Drop what is kept of rebuilds; the next build makes it anew
    Clean {
        /// Only that of this kernel
        #[arg(short, long, value_name = "RELEASE")]
        kernel: Option<Release>,
        /// Only that of kernels that are gone
        #[arg(long, conflicts_with = "kernel")]
        stale: bool,
    },
}

/// What a maintainer script of a DKMS package calls.
#[derive(Debug, Subcommand)]
pub enum PackageAction {
    /// Build for every kernel, and load (postinst)
    Configure {
        /// The package's name for dkms
        #[arg(value_parser = name)]
        name: String,
        /// The version of its source [default: that which dpkg has installed]
        #[arg(value_parser = name)]
        version: Option<String>,
        /// Load this module when it has been built
        #[arg(long, value_name = "MODULE", value_parser = name)]
        load: Vec<String>,
        /// Leave an older module loaded while a program has a file below this path open
        #[arg(long, value_name = "PATH")]
        in_use: Vec<PathBuf>,
    },
    /// Unload, and remove from every kernel (prerm)
    Remove {
        /// The package's name for dkms
        #[arg(value_parser = name)]
        name: String,
        /// Unload this module
        #[arg(long, value_name = "MODULE", value_parser = name)]
        unload: Vec<String>,
    },
    /// Forget the package (postrm)
    Purge {
        /// The package's name for dkms
        #[arg(value_parser = name)]
        name: String,
    },
    /// Build what is missing of all packages (the trigger of dkms-rust)
    Retry,
}

/// A package and its version, written `NAME/VERSION`.
#[derive(Clone, Debug)]
pub struct NamedVersion {
    /// The package's name for dkms.
    pub name: String,
    /// The version of its source.
    pub version: String,
}

impl FromStr for NamedVersion {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('/');
        let (package, version) = parts.ok_or_else(|| format!("{text:?} is not NAME/VERSION"))?;
        Ok(Self {
            name: name(package)?,
            version: name(version)?,
        })
    }
}

/// A name or version: one component of a path, and no option.
fn name(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "+-._~:".contains(c);
    let begins = text.starts_with(|c: char| c.is_ascii_alphanumeric());
    if begins && text.chars().all(allowed) {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "{text:?} does not begin with a letter or digit, or has others than + - . _ ~ : beside them"
        ))
    }
}

/// Which kernel.
#[derive(Debug, clap::Args)]
pub struct KernelArg {
    /// The kernel's release, as in /lib/modules [default: the running one]
    #[arg(short = 'k', long = "kernel", value_name = "RELEASE")]
    release: Option<Release>,
    /// Its headers, where they are not those in /lib/modules/RELEASE/build
    #[arg(long, value_name = "DIRECTORY")]
    pub headers: Option<PathBuf>,
    /// Keep build trees below this directory of your own [default for users: ~/.cache/dkms-rust]
    #[arg(long, value_name = "DIRECTORY")]
    pub cache: Option<PathBuf>,
}

impl KernelArg {
    /// The release that is meant.
    ///
    /// # Errors
    ///
    /// If the running kernel's is no release that a module could be built for.
    pub fn release(&self) -> anyhow::Result<Release> {
        match &self.release {
            Some(release) => Ok(release.clone()),
            None => Ok(Release::running()?),
        }
    }
}

/// The command line's description, from which man page and completions are made.
pub fn command() -> clap::Command {
    Cli::command()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn arguments_for_make_come_after_two_dashes() {
        let cli = Cli::parse_from(["dkms-rust", "make", "-k", "7.3.4-amd64", "--", "V=1"]);
        let Command::Make { kernel, args } = cli.command else {
            panic!("not make")
        };
        assert_eq!(kernel.release().unwrap().as_str(), "7.3.4-amd64");
        assert_eq!(args, ["V=1"]);
    }

    #[test]
    fn a_name_that_would_leave_its_directory_is_refused() {
        for name in ["../x", "a/b", "", "-v", ".x", "a b"] {
            let args = ["dkms-rust", "package", "purge", "--", name];
            assert_eq!(
                Cli::try_parse_from(args).unwrap_err().exit_code(),
                2,
                "{name}"
            );
        }
        let args = ["dkms-rust", "prebuild", "p/1.0~rc1", "-k", "7.3.4-amd64"];
        let Command::Prebuild { source, .. } = Cli::parse_from(args).command else {
            panic!("not prebuild")
        };
        assert_eq!((&*source.name, &*source.version), ("p", "1.0~rc1"));
    }

    #[test]
    fn a_release_that_is_none_is_refused_before_anything_is_done() {
        let error = Cli::try_parse_from(["dkms-rust", "kdir", "-k", "../../tmp/x"]).unwrap_err();
        assert!(
            error.to_string().contains("is not a kernel release"),
            "{error}"
        );
        assert_eq!(error.exit_code(), 2);
    }
}
