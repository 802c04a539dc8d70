// SPDX-License-Identifier: GPL-2.0-only

//! Implements `dkms-rust prebuild`, which `PRE_BUILD` of a `dkms.conf` calls: refuses kernels, and
//! builds where nobody could see a failure of dkms. dkms passes on its exit status but not that of `MAKE`,
//! and takes 77 for "leave this kernel out". So a kernel that can't be built for is refused here.
//! An unattended build also runs here, because a failure in `MAKE` would stop the installation of
//! the kernel.

use super::leftovers::take_ours;
use super::logs;
use super::records::Records;
use super::rival;
use super::say::Voice;
use super::source::DkmsSource;
use crate::kernel::refusal::Refusal;
use crate::kernel::release::Release;
use crate::status::outcomes::{Outcome, Outcomes};
use crate::system::System;
use crate::system::child::interrupted;
use crate::system::print::tell;
use crate::system::search::program;
use rustix::fs::Access;
use std::fs;
use std::os::unix::process::parent_id;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Variables that dpkg sets for maintainer scripts. A kernel package's scripts run dkms's hook.
const DPKG: &str = "DPKG_RUNNING_VERSION";
const SCRIPT_OF: &str = "DPKG_MAINTSCRIPT_PACKAGE";

/// The dkms commands that build for a whole kernel, when nobody waits for a single module.
const ACTIONS: [&[u8]; 2] = [b"autoinstall", b"kernel_postinst"];

/// The options with which dkms replaces any module of the kernel.
const FORCE: [&[u8]; 2] = [b"--force", b"--force-version-override"];

/// A build that dkms is about to start.
pub struct Hook<'a> {
    system: &'a System,
    name: &'a str,
    version: &'a str,
    release: &'a Release,
}

impl<'a> Hook<'a> {
    /// Describes the build of version `version` of the package `name`.
    pub fn of(system: &'a System, name: &'a str, version: &'a str, release: &'a Release) -> Self {
        Self {
            system,
            name,
            version,
            release,
        }
    }

    /// Returns the directory in which dkms builds: `here`, unless dkms runs the script in a
    /// directory below /etc/dkms.
    pub fn folder(&self, here: &Path) -> PathBuf {
        if here.join("dkms.conf").is_file() {
            return here.to_owned();
        }
        let record = self.system.dkms().join(self.name).join(self.version);
        record.join("build")
    }

    /// Removes modules of dkms-rust that dkms has lost track of, so that it can install new ones.
    pub fn make_room(&self) {
        let (system, name) = (self.system, self.name);
        let source = DkmsSource::find(system, name, Some(self.version));
        let installed = Records::of(system, name).any_installed(self.release);
        if let (Some(source), false) = (source, installed) {
            take_ours(
                system,
                &Voice::of(name),
                name,
                self.release,
                &source.modules,
            );
        }
    }

    /// Refuses if dkms would keep the kernel's own modules instead of what was built in `folder`.
    ///
    /// # Errors
    ///
    /// The refusal.
    pub fn can_replace(&self, folder: &Path) -> Result<(), Refusal> {
        if is_forced(self.system, parent_id()) {
            return Ok(());
        }
        let package = (self.name, self.version);
        rival::can_replace(self.system, package, self.release, folder)
    }

    /// Remembers that no module can be built.
    pub fn refused(&self, refusal: &Refusal) {
        // Compilers are not even asked then, and seem to be missing.
        if interrupted() {
            return;
        }
        self.remember(Outcome::Refused {
            why: refusal.reason.clone(),
            mend: refusal.mend.clone(),
            told: false,
        });
    }

    /// Remembers that the module was built.
    pub fn built(&self) {
        self.built_by(std::env::var_os(SCRIPT_OF).is_some());
    }

    /// Like [`Hook::built`]. dkms has yet to sign and install the module, which may fail. At the end
    /// of apt the trigger looks whether that happened. Without dpkg nobody does, so the module
    /// counts as installed: otherwise it would come back after the administrator removed it.
    pub fn built_by(&self, dpkg: bool) {
        logs::drop(self.system, self.name, self.release);
        self.remember(Outcome::Built {
            version: self.version.to_owned(),
            pending: dpkg,
        });
    }

    /// Remembers that the build failed in the build tree that `tree` identifies. The build's output
    /// is in the log that dkms is writing.
    pub fn failed(&self, folder: &Path, tree: &str) {
        if interrupted() {
            return;
        }
        let log = folder.join("make.log");
        let kept = logs::keep(self.system, self.name, self.release, &log);
        let source = DkmsSource::find(self.system, self.name, Some(self.version));
        let source = source.filter(|_| kept.again);
        self.remember(Outcome::Failed {
            why: kept.why,
            log: kept.log,
            inputs: source.map(|source| source.inputs(tree)),
            told: false,
        });
    }

    fn remember(&self, outcome: Outcome) {
        // There is only a file to remember this in if dkms-rust manages the package.
        if Outcomes::load(self.system, self.name).is_none() {
            return;
        }
        let saved = Outcomes::change(self.system, self.name, |there| {
            there.kernels.insert(self.release.to_string(), outcome);
        });
        if let Err(error) = saved {
            tell(format_args!("can't record the result: {error}"));
        }
        look_at_the_end();
    }
}

/// Refuses if dkms could not install a module. Not every version of dkms reports this.
///
/// # Errors
///
/// The refusal.
pub fn can_install(system: &System, release: &Release) -> Result<(), Refusal> {
    let folder = system.modules().join(release.as_str());
    if rustix::fs::access(&folder, Access::WRITE_OK).is_ok() {
        return Ok(());
    }
    let why = format!("{} can't be written", system.shown(&folder));
    Err(Refusal::final_(release, why))
}

/// Activates dpkg's trigger on /usr/src. It runs at the end of apt, builds what is not installed
/// then, and reports what was not built, because dkms does not show what is printed here.
fn look_at_the_end() {
    if std::env::var_os(SCRIPT_OF).is_none() {
        return;
    }
    let mut trigger = Command::new(program("dpkg-trigger"));
    trigger
        .args(["--no-await", "/usr/src"])
        .stdin(Stdio::null());
    // Ignore errors: this is a convenience, and `status` shows the same.
    trigger.status().ok();
}

/// Whether a failure would stop more than this build, because dpkg is running, or because dkms
/// builds for a whole kernel. If this can't be determined, assumes that it would.
pub fn is_unattended(system: &System) -> bool {
    std::env::var_os(DPKG).is_some() || by_autoinstall(system, parent_id())
}

fn by_autoinstall(system: &System, process: u32) -> bool {
    has_word(system, process, &ACTIONS).unwrap_or(true)
}

/// Whether dkms installs even what it would otherwise leave out.
fn is_forced(system: &System, process: u32) -> bool {
    has_word(system, process, &FORCE).unwrap_or(false)
}

/// Whether one of the processes above is a dkms with one of these words in its command line. `None`
/// if one of the processes can't be read.
fn has_word(system: &System, mut process: u32, wanted: &[&[u8]]) -> Option<bool> {
    while process > 1 {
        let folder = system.at("proc").join(process.to_string());
        let line = fs::read(folder.join("cmdline")).ok()?;
        let mut words = line.split(|byte| *byte == 0);
        let dkms = |word: &[u8]| word == b"dkms" || word.ends_with(b"/dkms");
        if words.any(dkms) && words.any(|word| wanted.contains(&word)) {
            return Some(true);
        }
        let status = fs::read_to_string(folder.join("status")).unwrap_or_default();
        let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"));
        process = parent
            .and_then(|parent| parent.trim().parse().ok())
            .unwrap_or(0);
    }
    Some(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(system: &System, number: u32, parent: u32, line: &str) {
        let folder = system.at("proc").join(number.to_string());
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("cmdline"), line.replace(' ', "\0")).unwrap();
        fs::write(
            folder.join("status"),
            format!("Name:\tx\nPPid:\t{parent}\n"),
        )
        .unwrap();
    }

    #[test]
    fn a_build_for_a_whole_kernel_is_told_from_one_by_hand() {
        let root = tempfile::tempdir().unwrap();
        let system = System::below(root.path());
        process(&system, 5, 1, "sh");
        process(
            &system,
            6,
            5,
            "/bin/bash /usr/sbin/dkms autoinstall --kernelver 7.3.4-amd64",
        );
        process(
            &system,
            7,
            6,
            "/bin/bash /usr/sbin/dkms autoinstall --kernelver 7.3.4-amd64",
        );
        assert!(by_autoinstall(&system, 7));
        process(
            &system,
            16,
            5,
            "/bin/bash /usr/sbin/dkms build autoinstall/1 -k 7.3.4-amd64",
        );
        assert!(!by_autoinstall(&system, 16));
        process(&system, 20, 1, "/bin/bash dkms autoinstall --force");
        assert!(is_forced(&system, 20) && !is_forced(&system, 7));
        assert!(!is_forced(&system, 99));
        // Unknown: leaving out a kernel is better than stopping an installation.
        assert!(by_autoinstall(&system, 99));
    }

    #[test]
    fn the_build_is_found_also_from_etc_dkms() {
        let root = tempfile::tempdir().unwrap();
        let system = System::below(root.path());
        let release = "7.3.4-amd64".parse().unwrap();
        let hook = Hook::of(&system, "p", "1", &release);
        let here = root.path().join("etc/dkms/p");
        fs::create_dir_all(&here).unwrap();
        assert_eq!(hook.folder(&here), system.at("var/lib/dkms/p/1/build"));
        fs::write(here.join("dkms.conf"), "").unwrap();
        assert_eq!(hook.folder(&here), here);
    }

    #[test]
    fn what_failed_is_remembered_with_its_log_for_packages_that_are_looked_after() {
        let root = tempfile::tempdir().unwrap();
        let system = System::below(root.path());
        let release: Release = "7.3.4-amd64".parse().unwrap();
        let hook = Hook::of(&system, "p", "1", &release);
        fs::write(root.path().join("make.log"), "a\nerror: no such field\n").unwrap();
        hook.failed(root.path(), "tree");
        assert_eq!(Outcomes::load(&system, "p"), None);

        Outcomes::change(&system, "p", |_| {}).unwrap();
        hook.failed(root.path(), "tree");
        let failed = Outcomes::load(&system, "p").unwrap();
        let Some(Outcome::Failed { why, log, .. }) = failed.kernels.get(release.as_str()) else {
            panic!("{failed:?}")
        };
        assert_eq!(why, "error: no such field");
        assert!(system.at(&log.as_ref().unwrap()[1..]).exists());

        hook.built();
        assert!(!system.at(&log.as_ref().unwrap()[1..]).exists());
    }
}
