// SPDX-License-Identifier: GPL-2.0-only

//! What `dkms-rust status` has found out: as JSON it is these structures, field by field. The man
//! page describes each; a test holds it against them.

use crate::build::way::Way;
use crate::kernel::class::Class;
use serde::Serialize;

/// The number of this layout. Fields may be added under the same number.
pub const SCHEMA: u32 = 1;

/// All of it.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The answer in a word; the exit status says the same.
    pub verdict: Verdict,
    /// The kernel that boots next.
    pub next_boot: NextBoot,
    /// Whether kernels here want signed modules, and what dkms signs with.
    pub signing: Signing,
    /// The kernels, the oldest first.
    pub kernels: Vec<Kernel>,
}

/// The answer in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Every kernel has every module, and will load it at boot.
    Well,
    /// Something is missing.
    Missing,
    /// Nothing is known to be missing, but it could not tell all.
    Unknown,
}

impl Verdict {
    /// The exit status that says it.
    pub fn code(self) -> u8 {
        match self {
            Self::Well => 0,
            Self::Missing => 1,
            Self::Unknown => 2,
        }
    }
}

/// The kernel that boots next, as far as this can be known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NextBoot {
    /// Its release.
    pub kernel: Option<String>,
    /// What told so.
    pub how: How,
    /// Whether it is a guess.
    pub guess: bool,
    /// What was looked at, in words.
    pub why: String,
}

/// What told which kernel boots next.
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
    /// Nothing did.
    Nothing,
}

/// Whether kernels here want signed modules, and what dkms signs with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Signing {
    /// Whether Secure Boot is on.
    pub secure_boot: Option<bool>,
    /// Whether the running kernel refuses modules without a signature of a key that it trusts.
    pub enforced: Option<bool>,
    /// The certificate that belongs to dkms's key.
    pub certificate: Option<String>,
    /// How far the certificate has come.
    pub key: Key,
}

/// How far a certificate has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Key {
    /// The running kernel has it among its keys.
    Trusted,
    /// It is on the firmware's list of the machine owner's keys, but not among the kernel's.
    Enrolled,
    /// It was given to mokutil, and waits for the next boot.
    Pending,
    /// It is on no list.
    Absent,
    /// dkms has made none yet.
    None,
    /// The lists can't be read.
    Unknown,
}

/// A kernel.
#[derive(Clone, Debug, Serialize)]
pub struct Kernel {
    /// Its release.
    pub kernel: String,
    /// Whether it runs now.
    pub running: bool,
    /// Whether it boots next.
    pub next_boot: bool,
    /// Whether modules can be built for it now.
    pub buildable: bool,
    /// What it offers to Rust modules.
    pub class: Option<Class>,
    /// How modules are built for it.
    pub way: Option<Way>,
    /// The rustc that builds for it.
    pub rustc: Option<String>,
    /// Where the build tree's metadata comes from.
    pub metadata: Option<&'static str>,
    /// Why modules can't be built for it.
    pub reason: Option<String>,
    /// What mends that.
    pub mend: Option<String>,
    /// The modules of DKMS packages that are built by dkms-rust.
    pub modules: Vec<Module>,
}

/// A module of a DKMS package, for one kernel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Module {
    /// The package, by dkms's name.
    pub package: String,
    /// The newest version of the package's source.
    pub version: String,
    /// The module.
    pub module: String,
    /// The newest version that dkms has built.
    pub built: Option<String>,
    /// The version that modprobe takes; none if what it takes is not what dkms built.
    pub installed: Option<String>,
    /// The file that modprobe takes, whoever made it.
    pub file: Option<String>,
    /// How that file was built: in which way, by which rustc.
    pub how: Option<String>,
    /// Whether that file is signed.
    pub signed: Option<bool>,
    /// Who signed it, by the name in the signature.
    pub signer: Option<String>,
    /// Whether the kernel has the signer's key.
    pub trusted: Option<bool>,
    /// Whether the kernel would load the file.
    pub loadable: Option<bool>,
    /// What loads it at boot, or keeps it from being loaded.
    pub autoload: Autoload,
    /// Whether it is there when this kernel has booted.
    pub at_boot: Option<bool>,
    /// Whether it is loaded now; unknown for a kernel that does not run.
    pub loaded: Option<bool>,
    /// Whether what is loaded is what is in the file.
    pub current: Option<bool>,
    /// What is wrong.
    pub problems: Vec<Problem>,
}

/// What loads a module at boot, or keeps it from being loaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Autoload {
    /// In a word.
    pub how: Load,
    /// The file, or the kernel's command line, that says so.
    pub by: Option<String>,
}

/// What loads a module at boot, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Load {
    /// A file of modules-load.d, or the command line, names it.
    Named,
    /// It says itself for which devices it is.
    Device,
    /// A file that names it is masked by another.
    Masked,
    /// It is blacklisted, or something else is run in its place.
    Blacklisted,
    /// Nothing: it is for others to load.
    Nothing,
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// In a word.
    pub kind: Kind,
    /// In a sentence.
    pub text: String,
    /// What mends it: a command, or an advice.
    pub mend: Option<String>,
}

/// Something that is wrong, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// There is no module.
    Missing,
    /// It was built from an older version of the source.
    Stale,
    /// Another file of that name comes first.
    Shadowed,
    /// The file is not the one that dkms built.
    Altered,
    /// It is there, and modprobe's index does not know it.
    Unindexed,
    /// It was built for another kernel.
    WrongKernel,
    /// It was built against other headers of this kernel.
    OtherHeaders,
    /// It has no signature, and the kernel wants one.
    Unsigned,
    /// The kernel wants a signature of another key.
    Untrusted,
    /// What would load it at boot is masked.
    Masked,
    /// It is blacklisted.
    Blacklisted,
    /// It should be loaded, and is not.
    NotLoaded,
    /// What is loaded is not what is in the file.
    Outdated,
}
