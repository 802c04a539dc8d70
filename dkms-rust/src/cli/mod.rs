// SPDX-License-Identifier: GPL-2.0-only

//! Defines the command line and its help text. `commands` does the work. May use `kernel` and
//! `scaffold`.

mod values;

pub use values::{KernelArg, NamedVersion};

use crate::kernel::release::Release;
use crate::scaffold::name::Name;
use clap::{CommandFactory, Parser, Subcommand};
use std::path::PathBuf;
use values::name;

/// Builds Rust kernel modules out of tree, on any Debian kernel
///
/// A Rust module needs the compiled metadata of the kernel's Rust crates, which Debian's kernels do
/// not ship. dkms-rust rebuilds this metadata from linux-source, keeps it, and builds modules with
/// it.
#[derive(Debug, Parser)]
#[command(name = "dkms-rust", version, after_help = AFTER_HELP)]
pub struct Cli {
    /// The command to run
    #[command(subcommand)]
    pub command: Command,
}

const AFTER_HELP: &str = "\
Exit status: 0 done; 1 failed (status: something is missing); 2 wrong arguments (status: could not
tell); 77 no module can be built for this kernel: the reason and the mend are printed.";

/// A command of dkms-rust.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Build the module in the current directory
    Make {
        /// The kernel to build for
        #[command(flatten)]
        kernel: KernelArg,
        /// Arguments for kbuild's make: variables, or targets other than `modules`
        #[arg(last = true, value_name = "MAKE ARGUMENTS")]
        args: Vec<String>,
    },
    /// Build the module for a kernel that is not installed, or for all that are
    Preflight {
        /// The Debian packages of the kernel's headers and source, or a directory with headers
        #[arg(
            value_name = "HEADERS",
            required_unless_present = "all",
            conflicts_with = "all"
        )]
        headers: Vec<PathBuf>,
        /// The kernel's source: a directory, a tarball, or a linux-source package file
        #[arg(long, value_name = "PATH", conflicts_with = "all")]
        source: Option<PathBuf>,
        /// Build for every kernel whose headers are installed, and clean up after each
        #[arg(long)]
        all: bool,
        /// Print the results as JSON
        #[arg(long)]
        json: bool,
        /// Keep headers and build trees in this directory [default: ~/.cache/dkms-rust]
        #[arg(long, value_name = "DIRECTORY")]
        cache: Option<PathBuf>,
        /// Arguments for kbuild's make
        #[arg(last = true, value_name = "MAKE ARGUMENTS")]
        args: Vec<String>,
    },
    /// Prepare the kernel's build tree and print its path
    Kdir {
        /// The kernel whose tree is prepared
        #[command(flatten)]
        kernel: KernelArg,
    },
    /// Keep the part of the kernel's source that rebuilds need
    Source {
        /// The kernel whose source is kept
        #[command(flatten)]
        kernel: KernelArg,
        /// Take it from a directory, a tarball, or a linux-source package file
        #[arg(long, value_name = "PATH")]
        from: Option<PathBuf>,
        /// Download the matching linux-source with apt, without installing it
        #[arg(long, conflicts_with = "from")]
        fetch: bool,
        /// Accept a source of another version than the headers; modules are then linked
        #[arg(long, requires = "from")]
        force: bool,
    },
    /// Check whether modules can be built for the kernel; exit with 77 if not
    Check {
        /// The kernel to check
        #[command(flatten)]
        kernel: KernelArg,
        /// Print nothing
        #[arg(short, long, conflicts_with = "json")]
        quiet: bool,
        /// Print the answer as JSON
        #[arg(long)]
        json: bool,
    },
    /// Show all kernels and the Rust modules that DKMS has for them
    Status {
        /// Also show removed kernels that have left modules behind
        #[arg(long)]
        all: bool,
        /// Print the table as JSON
        #[arg(long)]
        json: bool,
    },
    /// Build a module for a kernel and put it into a Debian package that needs no compiler (root)
    Pack {
        /// The source in /usr/src: the package's name and version in dkms
        #[arg(value_name = "NAME/VERSION")]
        source: NamedVersion,
        /// The kernel to build for
        #[command(flatten)]
        kernel: KernelArg,
        /// Sign the modules with this private key: a file, or a pkcs11: URI
        #[arg(long, requires = "certificate")]
        key: Option<String>,
        /// The certificate of that key
        #[arg(long, value_name = "FILE", requires = "key")]
        certificate: Option<PathBuf>,
        /// Add +bNUMBER to the version, for a package that replaces another one of this version
        #[arg(long, value_name = "NUMBER", default_value_t = 0)]
        rebuild: u32,
        /// Write the package into this directory
        #[arg(short, long, value_name = "DIRECTORY", default_value = ".")]
        output: PathBuf,
        /// Load this module after the installation [default: as the DKMS package does]
        #[arg(long, value_name = "MODULE", value_parser = name)]
        load: Vec<String>,
        /// Keep an older module loaded while a program has a file below this path open
        #[arg(long, value_name = "PATH")]
        in_use: Vec<PathBuf>,
    },
    /// Put packages of prebuilt modules into other forms
    Export {
        /// The form
        #[command(subcommand)]
        form: ExportForm,
    },
    /// Build modules for all kernels of some suites, and write an apt repository of them (root)
    Fleet {
        /// What to do
        #[command(subcommand)]
        action: FleetAction,
    },
    /// Create a project for a new module and its Debian package
    New {
        /// The name of the project; the package is called NAME-dkms
        name: Name,
        /// The directory to create, or an empty one [default: ./NAME]
        directory: Option<PathBuf>,
        /// Build the package with debhelper (dh-sequence-dkms-rust) instead of plain dpkg
        #[arg(long)]
        debhelper: bool,
    },
    /// Manage a DKMS package; called by its maintainer scripts
    Package {
        /// The action of the maintainer script
        #[command(subcommand)]
        action: PackageAction,
    },
    /// Exit with 77 if the kernel can't be built for; called by PRE_BUILD in dkms.conf
    Prebuild {
        /// The kernel to build for
        #[command(flatten)]
        kernel: KernelArg,
        /// The package's name and version from dkms.conf
        #[arg(value_name = "NAME/VERSION")]
        source: NamedVersion,
        /// Arguments for kbuild's make
        #[arg(last = true, value_name = "MAKE ARGUMENTS")]
        args: Vec<String>,
    },
    /// Remove the build trees in the cache; the next build makes them again
    Clean {
        /// Only remove the build trees of this kernel
        #[arg(short, long, value_name = "RELEASE")]
        kernel: Option<Release>,
        /// Only remove what belongs to kernels that are no longer installed
        #[arg(long, conflicts_with = "kernel")]
        stale: bool,
    },
}

/// The actions for the maintainer scripts of a DKMS package.
#[derive(Debug, Subcommand)]
pub enum PackageAction {
    /// Build for all kernels and load the modules (postinst)
    Configure {
        /// The package's name in dkms
        #[arg(value_parser = name)]
        name: String,
        /// The version of the package's source [default: the version that dpkg has installed]
        #[arg(value_parser = name)]
        version: Option<String>,
        /// Build nothing: the package has the modules for this kernel
        #[arg(long, value_name = "RELEASE", conflicts_with_all = ["version", "load", "in_use"])]
        prebuilt: Option<Release>,
        /// Load this module after it has been built
        #[arg(long, value_name = "MODULE", value_parser = name)]
        load: Vec<String>,
        /// Keep an older module loaded while a program has a file below this path open
        #[arg(long, value_name = "PATH")]
        in_use: Vec<PathBuf>,
    },
    /// Unload the modules and remove them from all kernels (prerm)
    Remove {
        /// The package's name in dkms
        #[arg(value_parser = name)]
        name: String,
        /// Only unload them: the package has the modules for this kernel
        #[arg(long, value_name = "RELEASE", conflicts_with = "unload")]
        prebuilt: Option<Release>,
        /// Unload this module
        #[arg(long, value_name = "MODULE", value_parser = name)]
        unload: Vec<String>,
    },
    /// Forget the package (postrm)
    Purge {
        /// The package's name in dkms
        #[arg(value_parser = name)]
        name: String,
    },
    /// Build all missing modules of all packages (trigger of dkms-rust)
    Retry,
}

/// The form in which prebuilt modules are exported.
#[derive(Debug, Subcommand)]
pub enum ExportForm {
    /// A container image, as an archive in OCI's format
    Oci {
        /// Packages that dkms-rust pack has made
        #[arg(value_name = "DEB", required = true)]
        debs: Vec<PathBuf>,
        /// The file to write
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
        /// The image's name and tag
        #[arg(long, value_name = "NAME:TAG", default_value = "modules:latest")]
        name: String,
    },
    /// The resource of Kubernetes' Kernel Module Management (KMM) that loads from such images
    Kmm {
        /// Packages that dkms-rust pack has made
        #[arg(value_name = "DEB", required = true)]
        debs: Vec<PathBuf>,
        /// The image; {kernel} in it stands for the release, with - for +
        #[arg(long)]
        image: String,
        /// The namespace
        #[arg(long, default_value = "default")]
        namespace: String,
        /// Have KMM sign the modules with the key in this secret
        #[arg(long, value_name = "SECRET", requires = "cert_secret")]
        key_secret: Option<String>,
        /// The secret with the certificate
        #[arg(long, value_name = "SECRET", requires = "key_secret")]
        cert_secret: Option<String>,
    },
    /// A system extension, for systems whose /usr is read-only
    Sysext {
        /// Packages that dkms-rust pack has made
        #[arg(value_name = "DEB", required = true)]
        debs: Vec<PathBuf>,
        /// The file to write, NAME.raw
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
        /// The ID of the systems that it is for, in their os-release
        #[arg(long, value_name = "ID", default_value = "_any")]
        os: String,
    },
}

/// What to do for a fleet.
#[derive(Debug, Subcommand)]
pub enum FleetAction {
    /// Build what is new, and add it to the repository
    Build {
        /// The file that describes the fleet
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Also build again what was refused or failed, although nothing has changed
        #[arg(long)]
        again: bool,
        /// Print the results as JSON
        #[arg(long)]
        json: bool,
    },
}

/// Returns the description of the command line, from which the completions are generated.
pub fn command() -> clap::Command {
    Cli::command()
}

#[cfg(test)]
mod tests;
