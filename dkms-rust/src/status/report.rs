// SPDX-License-Identifier: GPL-2.0-only

//! The result of `dkms-rust status`. The JSON output has exactly these fields. A test checks that
//! the man page describes each of them.

use crate::build::way::Way;
use crate::kernel::class::Class;
use serde::Serialize;

/// The version of this layout. It stays the same if fields are only added.
pub const SCHEMA: u32 = 1;

/// The origin of modules that dkms has built here.
pub const DKMS: &str = "dkms";

/// The whole report.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The overall answer, which is also the exit status.
    pub verdict: Verdict,
    /// The kernel that boots next.
    pub next_boot: NextBoot,
    /// Whether signed modules are required, and what dkms signs with.
    pub signing: Signing,
    /// The kernels, oldest first.
    pub kernels: Vec<KernelReport>,
}

/// The overall answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Every kernel has every module, and loads it at boot if something asks for that.
    Well,
    /// Something is missing or wrong.
    Missing,
    /// Nothing is known to be missing, but not everything could be checked.
    Unknown,
}

impl Verdict {
    /// Returns the exit status of the verdict.
    pub fn code(self) -> u8 {
        match self {
            Self::Well => 0,
            Self::Missing => 1,
            Self::Unknown => 2,
        }
    }
}

/// The kernel that boots next, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NextBoot {
    /// Its release.
    pub kernel: Option<String>,
    /// The source of this answer.
    pub how: How,
    /// Whether the answer is a guess.
    pub guess: bool,
    /// The source of this answer, in words.
    pub why: String,
}

/// The source of the answer which kernel boots next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// GRUB's configuration.
    Grub,
    /// systemd-boot's entries.
    SystemdBoot,
    /// The link `/vmlinuz`.
    Link,
    /// The version numbers of the kernels in `/boot`.
    Newest,
    /// There is no answer.
    Nothing,
}

/// Whether signed modules are required, and what dkms signs with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Signing {
    /// Whether Secure Boot is on.
    pub secure_boot: Option<bool>,
    /// Whether the running kernel rejects modules that are not signed with a trusted key.
    pub enforced: Option<bool>,
    /// The certificate of dkms's key.
    pub certificate: Option<String>,
    /// The state of the certificate.
    pub key: Key,
}

/// The state of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Key {
    /// The running kernel has it in its keyrings.
    Trusted,
    /// The firmware lists it as a machine owner key, but the running kernel does not have it.
    Enrolled,
    /// It was passed to mokutil and waits for the next boot.
    Pending,
    /// No list contains it.
    Absent,
    /// dkms has not made one yet.
    None,
    /// The lists can't be read.
    Unknown,
}

/// One kernel.
#[derive(Clone, Debug, Serialize)]
pub struct KernelReport {
    /// Its release.
    pub kernel: String,
    /// Whether it is running.
    pub running: bool,
    /// Whether it boots next.
    pub next_boot: bool,
    /// Whether modules can be built for it now.
    pub buildable: bool,
    /// Its support for Rust modules.
    pub class: Option<Class>,
    /// The way in which modules are built for it.
    pub way: Option<Way>,
    /// The rustc that builds for it.
    pub rustc: Option<String>,
    /// The origin of the build tree's metadata.
    pub metadata: Option<&'static str>,
    /// Why modules can't be built for it.
    pub reason: Option<String>,
    /// The mend for that.
    pub mend: Option<String>,
    /// The modules of DKMS packages that are built by dkms-rust, and prebuilt modules.
    pub modules: Vec<Module>,
}

/// One module, for one kernel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Module {
    /// The package's name in dkms.
    pub package: String,
    /// The newest version of the package.
    pub version: String,
    /// The module's name.
    pub module: String,
    /// The newest version that dkms has built.
    pub built: Option<String>,
    /// The version that modprobe loads; none if the file is neither from dkms nor prebuilt.
    pub installed: Option<String>,
    /// Where that file comes from: [`DKMS`], or the Debian package that has it.
    pub from: Option<String>,
    /// The file that modprobe loads, whoever built it.
    pub file: Option<String>,
    /// How that file was built: the way, and the rustc.
    pub how: Option<String>,
    /// Whether that file is signed.
    pub signed: Option<bool>,
    /// The signer's name, as given in the signature.
    pub signer: Option<String>,
    /// Whether the kernel has the signer's key.
    pub trusted: Option<bool>,
    /// Whether the kernel would load the file.
    pub loadable: Option<bool>,
    /// What loads it at boot, or prevents that.
    pub autoload: Autoload,
    /// Whether it will be loaded after this kernel has booted.
    pub at_boot: Option<bool>,
    /// Whether it is loaded now; unknown unless this kernel is running.
    pub loaded: Option<bool>,
    /// Whether the loaded module is the one in the file.
    pub current: Option<bool>,
    /// Its problems.
    pub problems: Vec<Problem>,
}

/// What loads a module at boot, or prevents that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Autoload {
    /// The kind.
    pub how: Load,
    /// The file, or the word on the kernel's command line, that decides this.
    pub by: Option<String>,
}

/// What loads a module at boot, or prevents that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Load {
    /// A file in modules-load.d or the command line names it.
    Named,
    /// The module itself lists the devices that it supports.
    Device,
    /// The file that names it is masked by another one.
    Masked,
    /// It is blacklisted, or modprobe is told to run another command instead.
    Blacklisted,
    /// Nothing loads it at boot.
    Nothing,
}

/// A problem of a module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The kind.
    pub kind: Kind,
    /// A sentence that describes it.
    pub text: String,
    /// The mend: a command, or advice.
    pub mend: Option<String>,
}

/// The kind of a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// dkms has not built or not installed it, or its package is missing.
    Missing,
    /// It was built from an older version of the source.
    Stale,
    /// modprobe loads another file of the same name.
    Shadowed,
    /// The file differs from the one that dkms built.
    Altered,
    /// The file exists, but modprobe's index does not list it.
    Unindexed,
    /// It was built for another kernel.
    WrongKernel,
    /// It was built against other headers of this kernel.
    OtherHeaders,
    /// It is not signed, and the kernel requires a signature.
    Unsigned,
    /// It is signed with a key that the kernel does not trust.
    Untrusted,
    /// The file that would load it at boot is masked.
    Masked,
    /// It is blacklisted.
    Blacklisted,
    /// It should be loaded, but is not.
    NotLoaded,
    /// The loaded module is not the one in the file.
    Outdated,
}
