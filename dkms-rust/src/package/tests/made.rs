// SPDX-License-Identifier: GPL-2.0-only

//! A made-up system, where dkms and other programs are scripts.

use super::super::configure::{Wanted, configure_by, retry_by};
use super::super::planned::{Planned, Planner};
use super::super::remove::remove_by;
use super::super::say::Voice;
use crate::kernel::refusal::Refusal;
use crate::kernel::release::Release;
use crate::status::outcomes::{Outcome, Outcomes};
use crate::system::System;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use tempfile::TempDir;

pub const OLD: &str = "6.12.1-amd64";
pub const NEW: &str = "7.3.4-amd64";

/// The parts of dkms that are called. It builds the file `hi.ko` if that exists. Its tree is in /srv/dkms if the file `moved` exists. A file
/// `fails-ACTION` makes an action fail like a compiler; `excludes-KERNEL` acts like a dkms.conf
/// that excludes a kernel.
pub const DKMS: &str = r#"
root=$(cd "$(dirname "$0")/../.." && pwd)
tree=$root/var/lib/dkms
[ ! -e "$root/moved" ] || tree=$root/srv/dkms
echo "$*" >>"$root/calls"
action=$1; shift
kernel=; all=
while [ $# -gt 0 ]; do
    case $1 in
    -m) name=$2; shift ;;
    -v) version=$2; shift ;;
    -k) kernel=$2; shift ;;
    --sourcetree) sources=$2; shift ;;
    --all) all=yes ;;
    esac
    shift
done
record=$tree/$name/$version
modules=$(sed -n 's/^BUILT_MODULE_NAME.*=//p' "$record/source/dkms.conf" 2>/dev/null)
if [ -e "$root/fails-$action" ]; then
    mkdir -p "$record/build"
    echo 'x.rs:1: error: no such field' | cat - "$root/fails-$action" >"$record/build/make.log"
    echo "Error! Bad return status for $action"
    exit 10
fi
case $action in
add)
    [ ! -e "$record" ] || exit 3
    mkdir -p "$record/build" && ln -s "$sources/$name-$version" "$record/source" ;;
build)
    [ -e "$record/source/dkms.conf" ] || exit 4
    [ ! -e "$root/excludes-$kernel" ] || exit 77
    mkdir -p "$record/$kernel/x86_64/module"
    for module in $modules; do echo "$version" >"$record/$kernel/x86_64/module/$module.ko"; done
    [ ! -e "$root/hi.ko" ] || cp "$root/hi.ko" "$record/$kernel/x86_64/module" ;;
install)
    ln -sfn "$version/$kernel/x86_64" "$tree/$name/kernel-$kernel-x86_64"
    mkdir -p "$root/lib/modules/$kernel/updates/dkms"
    cp "$record/$kernel/x86_64/module/"*.ko "$root/lib/modules/$kernel/updates/dkms" ;;
remove | unbuild)
    [ -e "$record/source/dkms.conf" ] || exit 4
    for folder in "$record"/${kernel:-*}/x86_64; do
        for module in $modules; do [ -e "$folder/module/$module.ko" ] || continue 2; done
        k=$(basename "$(dirname "$folder")")
        link=$tree/$name/kernel-$k-x86_64
        if [ "$(readlink "$link")" = "$version/$k/x86_64" ]; then
            rm "$link"
            for module in $modules; do
                rm "$root/lib/modules/$k/updates/dkms/$module.ko"
                old=$tree/$name/original_module/$k/x86_64/$module.ko
                [ ! -e "$old" ] || mv "$old" "$root/lib/modules/$k/updates/dkms"
            done
        fi
        rm -r "$(dirname "$folder")"
    done
    [ ! "$all" ] || ls -d "$record"/*/x86_64 >/dev/null 2>&1 || rm -rf "$record" ;;
esac
"#;

pub const DEPMOD: &str = r#"
root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root/lib/modules/$1" && : >modules.dep
for place in dkms dkms-rust; do
    [ ! -e updates/$place/hi.ko ] || { echo updates/$place/hi.ko: >modules.dep; break; }
done
"#;

/// A system with two kernels and version 1 of a package's source.
pub struct Made {
    pub root: TempDir,
    pub system: System,
}

impl Made {
    pub fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let system = System::below(root.path());
        let made = Self { root, system };
        for kernel in [OLD, NEW] {
            made.write(&format!("lib/modules/{kernel}/modules.builtin"), "");
        }
        // A directory with headers only, without a kernel.
        fs::create_dir_all(made.at("lib/modules/6.1.0-amd64")).unwrap();
        made.program("usr/sbin/dkms", DKMS);
        made.program("usr/sbin/depmod", DEPMOD);
        made.program("usr/bin/ischroot", "exit 1");
        made.source("1");
        made
    }

    pub fn at(&self, path: &str) -> std::path::PathBuf {
        self.root.path().join(path)
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.at(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub fn program(&self, path: &str, script: &str) {
        self.write(path, &format!("#!/bin/sh\n{script}\n"));
        fs::set_permissions(self.at(path), fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Replaces the source by another version.
    pub fn source(&self, version: &str) {
        self.source_of(version, "hi");
    }

    /// Replaces the source by another version, whose module has this name.
    pub fn source_of(&self, version: &str, module: &str) {
        fs::remove_dir_all(self.at("usr/src")).ok();
        let conf = format!(
            "PACKAGE_NAME=\"hi\"\nPACKAGE_VERSION=\"{version}\"\nBUILT_MODULE_NAME[0]={module}\n"
        );
        self.write(&format!("usr/src/hi-{version}/dkms.conf"), &conf);
    }

    /// Makes the old kernel the running one, on a system that owns it.
    pub fn runs(&self) {
        self.write("proc/sys/kernel/osrelease", OLD);
        self.write("proc/modules", "");
        self.program("usr/bin/systemd-detect-virt", "exit 1");
        let load =
            "root=$(cd \"$(dirname \"$0\")/../..\" && pwd); echo \"$0 $*\" >>\"$root/loads\"";
        let load = format!("{load}; mkdir -p \"$root/sys/module/hi\"");
        self.program("usr/sbin/modprobe", &load);
        let unload = "rmdir \"$(dirname \"$0\")/../../sys/module/$1\"";
        self.program("usr/sbin/rmmod", unload);
    }

    pub fn configure_with(&self, planner: Planner) -> String {
        let voice = Voice::of("hi");
        let wanted = Wanted {
            load: vec!["hi".into()],
            in_use: vec!["/proc/hi".into()],
        };
        configure_by(&self.system, planner, &voice, "hi", None, &wanted);
        voice.said()
    }

    pub fn configure(&self) -> String {
        self.configure_with(fine)
    }

    pub fn retry_with(&self, planner: Planner) -> String {
        let voice = Voice::of("hi");
        retry_by(&self.system, planner, &voice, "hi");
        voice.said()
    }

    pub fn retry(&self) -> String {
        self.retry_with(fine)
    }

    pub fn remove(&self) -> String {
        let voice = Voice::of("hi");
        remove_by(&self.system, &voice, "hi", &["hi".to_owned()]);
        voice.said()
    }

    pub fn has(&self, kernel: &str) -> Option<String> {
        let file = self.at(&format!("lib/modules/{kernel}/updates/dkms/hi.ko"));
        Some(fs::read_to_string(file).ok()?.trim().to_owned())
    }

    pub fn outcome(&self, kernel: &str) -> Option<Outcome> {
        let outcomes = Outcomes::load(&self.system, "hi").unwrap();
        outcomes.kernels.get(kernel).cloned()
    }

    /// Returns the calls of dkms since the last time this was called.
    pub fn calls(&self) -> String {
        let calls = fs::read_to_string(self.at("calls")).unwrap_or_default();
        fs::remove_file(self.at("calls")).ok();
        calls
    }

    pub fn dkms(&self, line: &str) {
        let dkms = self.at("usr/sbin/dkms");
        let mut command = std::process::Command::new(dkms);
        assert!(command.args(line.split(' ')).status().unwrap().success());
        self.calls();
    }
}

pub fn fine(_: &System, _: &Release) -> Result<Planned, Refusal> {
    Ok(Planned {
        long: None,
        tree: "a tree".into(),
    })
}

pub fn built(version: &str) -> Option<Outcome> {
    Some(Outcome::Built {
        version: version.to_owned(),
        pending: false,
    })
}

pub fn no_headers(_: &System, release: &Release) -> Result<Planned, Refusal> {
    Err(Refusal::new(release, "no headers", "apt install headers"))
}
