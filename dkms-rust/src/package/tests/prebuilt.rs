// SPDX-License-Identifier: GPL-2.0-only

//! Prebuilt modules, with and without a source that dkms builds.

use super::super::prebuilt::{installed_by, removed_by};
use super::super::say::Voice;
use super::made::*;
use crate::status::outcomes::{Outcome, Outcomes};
use crate::status::prebuilt::Prebuilt;
use std::fs;
use std::os::unix::fs::symlink;

const FILE: &str = "usr/lib/modules/6.12.1-amd64/updates/dkms-rust/hi.ko";
const DESCRIPTION: &str = "usr/share/dkms-rust/prebuilt/hi/6.12.1-amd64.json";

impl Made {
    /// Unpacks a package of prebuilt modules for the old kernel, like dpkg.
    fn unpack(&self, version: &str) {
        if !self.at("usr/lib").exists() {
            fs::create_dir_all(self.at("usr")).unwrap();
            fs::rename(self.at("lib"), self.at("usr/lib")).unwrap();
            symlink("usr/lib", self.at("lib")).unwrap();
        }
        let prebuilt = Prebuilt {
            name: "hi".into(),
            version: version.into(),
            kernel: OLD.into(),
            package: "hi-modules-6.12.1-amd64".into(),
            files: vec![format!("/{FILE}").into()],
            load: vec!["hi".into()],
            in_use: vec!["/proc/hi".into()],
            ..Prebuilt::default()
        };
        self.write(FILE, &format!("prebuilt {version}"));
        self.write(DESCRIPTION, &serde_json::to_string(&prebuilt).unwrap());
    }

    fn installed(&self) -> String {
        let voice = Voice::of("hi");
        installed_by(&self.system, &voice, "hi", &OLD.parse().unwrap());
        voice.said()
    }

    /// Does what dpkg does when it removes the package.
    fn removed(&self) -> String {
        let voice = Voice::of("hi");
        removed_by(&self.system, &voice, "hi", &OLD.parse().unwrap());
        for file in [FILE, DESCRIPTION] {
            fs::remove_file(self.at(file)).unwrap();
        }
        voice.said()
    }

    fn no_source(&self) {
        fs::remove_dir_all(self.at("usr/src")).unwrap();
    }
}

fn prebuilt(version: &str) -> Option<Outcome> {
    let version = version.to_owned();
    Some(Outcome::Prebuilt { version })
}

#[test]
fn without_a_source_the_module_is_loaded_and_goes_with_its_package() {
    let made = Made::new();
    made.no_source();
    made.runs();
    made.unpack("1");
    assert_eq!(made.installed(), "hi: loaded hi\n");
    assert!(made.at("sys/module/hi").exists());
    assert_eq!(made.outcome(OLD), prebuilt("1"));
    assert_eq!(made.removed(), "hi: unloaded\n");
    assert!(!made.at("sys/module/hi").exists());
    assert_eq!(Outcomes::load(&made.system, "hi"), None);
    assert_eq!(made.calls(), "");
}

#[test]
fn a_kernel_without_its_package_is_told_of_once() {
    let made = Made::new();
    made.no_source();
    made.unpack("1");
    assert_eq!(made.installed(), "hi: installed for 6.12.1-amd64\n");
    let said = made.retry();
    assert_eq!(
        said,
        "hi: no module for 7.3.4-amd64: the package hi-modules-7.3.4-amd64 is not installed\n    \
         once your repository has it: apt install hi-modules-7.3.4-amd64\n"
    );
    assert_eq!(made.retry(), "");
    fs::remove_dir_all(made.at("lib/modules").join(NEW)).unwrap();
    assert_eq!(made.retry(), "");
    assert_eq!(made.outcome(NEW), None);
}

#[test]
fn what_was_told_of_other_kernels_goes_with_the_last_package() {
    let made = Made::new();
    made.no_source();
    made.unpack("1");
    made.installed();
    made.retry();
    assert!(made.outcome(NEW).is_some());
    made.removed();
    assert_eq!(Outcomes::load(&made.system, "hi"), None);
}

#[test]
fn nothing_is_built_where_a_prebuilt_module_is_as_new() {
    let made = Made::new();
    made.runs();
    made.unpack("1");
    made.installed();
    let said = made.configure();
    let line = "hi: hi-modules-6.12.1-amd64 has the module for 6.12.1-amd64\n";
    assert!(said.starts_with(line), "{said}");
    assert!(!made.calls().contains("-k 6.12.1"));
    assert_eq!((made.has(OLD), made.has(NEW)), (None, Some("1".into())));
    assert_eq!(made.outcome(OLD), prebuilt("1"));
    assert_eq!((made.retry(), made.calls()), Default::default());
}

#[test]
fn a_prebuilt_module_takes_the_place_of_what_dkms_built() {
    let made = Made::new();
    made.runs();
    made.configure();
    made.calls();
    made.unpack("1");
    let said = made.installed();
    let line = "hi: the module of hi-modules-6.12.1-amd64 takes the place of the one that was built \
                for 6.12.1-amd64\n";
    assert!(said.starts_with(line), "{said}");
    assert_eq!(
        made.calls(),
        "unbuild -m hi -v 1 --no-depmod -k 6.12.1-amd64\n"
    );
    assert_eq!((made.has(OLD), made.has(NEW)), (None, Some("1".into())));
    // What the administrator builds by hand stays.
    made.dkms("build -m hi -v 1 -k 6.12.1-amd64");
    made.dkms("install -m hi -v 1 -k 6.12.1-amd64");
    assert_eq!((made.retry(), made.calls()), Default::default());
    assert_eq!(made.has(OLD), Some("1".into()));
}

#[test]
fn a_newer_source_is_built_and_the_package_that_catches_up_wins() {
    let made = Made::new();
    made.unpack("1");
    made.installed();
    made.source("2");
    made.configure();
    assert_eq!(
        (made.has(OLD), made.outcome(OLD)),
        (Some("2".into()), built("2"))
    );
    // dkms has moved the package's file aside, and would put it back over the new one.
    let aside = "var/lib/dkms/hi/original_module/6.12.1-amd64/x86_64/hi.ko";
    made.write(aside, "prebuilt 1");
    made.write(&format!("{aside}.origin"), &format!("/{FILE}\n"));
    made.unpack("2");
    made.installed();
    assert!(!made.at(aside).exists());
    assert_eq!((made.has(OLD), made.outcome(OLD)), (None, prebuilt("2")));
    let file = fs::read_to_string(made.at(FILE)).unwrap();
    assert_eq!(file, "prebuilt 2");
}

#[test]
fn dkms_builds_again_when_the_package_is_gone_and_the_module_stays_loaded() {
    let made = Made::new();
    made.runs();
    made.unpack("1");
    made.installed();
    made.configure();
    assert_eq!(made.removed(), "");
    assert!(made.at("sys/module/hi").exists());
    assert!(made.retry().contains("hi: built for 6.12.1-amd64\n"));
    assert_eq!(
        (made.has(OLD), made.outcome(OLD)),
        (Some("1".into()), built("1"))
    );
}

#[test]
fn a_prebuilt_module_outlives_the_source() {
    let made = Made::new();
    made.runs();
    made.unpack("1");
    made.installed();
    made.configure();
    assert_eq!(made.remove(), "");
    assert!(made.at("sys/module/hi").exists());
    assert_eq!(
        (made.outcome(OLD), made.outcome(NEW)),
        (prebuilt("1"), None)
    );
    assert!(made.at(FILE).exists());
}

#[test]
fn a_package_without_its_description_is_told_of() {
    let made = Made::new();
    assert_eq!(
        made.installed(),
        "hi: the package hi-modules-6.12.1-amd64 has no module for 6.12.1-amd64\n"
    );
}

#[test]
fn an_upgrade_replaces_the_loaded_module_but_not_while_a_program_uses_it() {
    let made = Made::new();
    made.no_source();
    made.runs();
    made.unpack("1");
    made.installed();
    fs::create_dir_all(made.at("proc/123/fd")).unwrap();
    symlink("/proc/hi/file", made.at("proc/123/fd/4")).unwrap();
    made.unpack("2");
    assert_eq!(
        made.installed(),
        "hi: the older module stays loaded; 1 program(s) use it: 123\nhi: to load the new one: \
         modprobe -r hi; modprobe hi\n"
    );
    assert_eq!(made.outcome(OLD), prebuilt("2"));
    fs::remove_file(made.at("proc/123/fd/4")).unwrap();
    assert_eq!(made.installed(), "hi: loaded hi\n");
    let loads = fs::read_to_string(made.at("loads")).unwrap();
    assert_eq!(loads.lines().count(), 2);
}

#[test]
fn a_blacklisted_module_is_not_loaded_nor_one_that_is_masked() {
    let made = Made::new();
    made.no_source();
    made.runs();
    // modprobe -b obeys a blacklist, and succeeds.
    made.program("usr/sbin/modprobe", "[ \"$1\" = -b ]");
    made.unpack("1");
    let said = "hi: not loaded: blacklisted in /etc/modprobe.d or on the kernel's command line\n";
    assert_eq!(made.installed(), said);
    let conf = "modules-load.d/hi-modules-6.12.1-amd64.conf";
    made.write(&format!("usr/lib/{conf}"), "hi\n");
    made.write(&format!("etc/{conf}"), "");
    assert_eq!(
        made.installed(),
        format!("hi: not loaded: masked by /etc/{conf}; by hand: modprobe hi\n")
    );
}
