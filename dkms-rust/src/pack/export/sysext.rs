// SPDX-License-Identifier: GPL-2.0-only

//! Writes a system extension: an image that systemd-sysext merges into a `/usr` that can't be
//! written. depmod's index is there already and does not have the modules, so a unit loads them by
//! their paths.

use super::{Unpacked, must, put};
use crate::pack::stage::EPOCH;
use crate::status::files::in_kernel;
use crate::status::prebuilt::Prebuilt;
use crate::system::run::answer;
use crate::system::search::program;
use anyhow::{Context, Result, ensure};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Writes the image to `output`, whose name without `.raw` is that of the extension. `os` is the ID
/// of the systems that it is for, in their `os-release`.
///
/// # Errors
///
/// If mksquashfs fails, or a name is not possible.
pub fn write(debs: &Unpacked, output: &Path, os: &str) -> Result<()> {
    let file = output.file_name().and_then(|name| name.to_str());
    let name = file.and_then(|name| name.strip_suffix(".raw"));
    let name = name.filter(|name| is_word(name));
    let name = name.with_context(|| format!("{} is not NAME.raw", output.display()))?;
    ensure!(
        is_word(os.trim_start_matches('_')),
        "{os:?} is not the ID of a system"
    );
    let stage = debs.stage();
    let mut needed = BTreeSet::new();
    for prebuilt in &debs.all {
        for file in &prebuilt.files {
            let from = debs.at(file);
            put(&stage.join(file.strip_prefix("/")?), fs::read(&from)?)?;
            let depends = answer(Command::new("modinfo").args(["-F", "depends"]).arg(&from));
            let depends = depends.context("can't run modinfo (is kmod installed?)")?;
            let own = prebuilt.modules();
            let others = depends.trim().split(',').filter(|other| !other.is_empty());
            needed.extend(
                others
                    .filter(|other| !own.iter().any(|own| own == other))
                    .map(str::to_owned),
            );
        }
    }
    let usr = stage.join("usr/lib");
    let release = format!("extension-release.d/extension-release.{name}");
    put(&usr.join(release), format!("ID={os}\n"))?;
    let system = usr.join("systemd/system");
    put(
        &system.join(format!("{name}.service")),
        unit(debs.name(), &debs.all[0], &needed),
    )?;
    let wanted = format!("[Unit]\nUpholds={name}.service\n");
    put(
        &system.join(format!("multi-user.target.d/10-{name}.conf")),
        wanted,
    )?;
    let mut make = Command::new(program("mksquashfs"));
    make.arg(&stage).arg(output);
    make.args(["-noappend", "-all-root", "-quiet", "-no-progress"]);
    if std::env::var_os(EPOCH).is_none() {
        make.env(EPOCH, "0");
    }
    must(&mut make, "mksquashfs")
}

/// Returns the unit that loads the modules. `%v` is the running kernel's release; where the
/// extension has nothing for it, the unit is skipped.
fn unit(name: &str, prebuilt: &Prebuilt, needed: &BTreeSet<String>) -> String {
    let place = |file: &Path| file.display().to_string().replace(&prebuilt.kernel, "%v");
    let files: Vec<String> = prebuilt.files.iter().map(|file| place(file)).collect();
    let mut text = format!("[Unit]\nDescription=Kernel modules of {name}\n");
    for file in &files {
        let _ = writeln!(text, "ConditionPathExists={file}");
    }
    text.push_str("\n[Service]\nType=oneshot\nRemainAfterExit=yes\n");
    for module in prebuilt.modules() {
        // modprobe shows names as in the kernel. Exit status 1 skips the unit without a failure.
        let module = in_kernel(&module);
        let _ = writeln!(
            text,
            "ExecCondition=/bin/sh -c \"! modprobe -c | grep -qx 'blacklist {module}'\""
        );
    }
    if !needed.is_empty() {
        let needed: Vec<&str> = needed.iter().map(String::as_str).collect();
        let _ = writeln!(text, "ExecStart=/sbin/modprobe -a {}", needed.join(" "));
    }
    for file in &files {
        let _ = writeln!(text, "ExecStart=/sbin/insmod {file}");
    }
    for module in prebuilt.modules().iter().rev() {
        let _ = writeln!(text, "ExecStop=/sbin/rmmod {module}");
    }
    text
}

/// Whether a text can be part of a file name and of a unit's name.
fn is_word(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::super::tests::prebuilt;
    use super::*;

    #[test]
    fn the_unit_loads_what_is_needed_first_and_only_on_kernels_that_it_has() {
        let needed = ["usbcore".to_owned()].into();
        let text = unit("my-drv", &prebuilt("7.3.4-amd64"), &needed);
        let file = "/usr/lib/modules/%v/updates/dkms-rust/my_drv.ko.xz";
        assert!(
            text.contains(&format!("\nConditionPathExists={file}\n")),
            "{text}"
        );
        let start =
            format!("\nExecStart=/sbin/modprobe -a usbcore\nExecStart=/sbin/insmod {file}\n");
        assert!(text.contains(&start), "{text}");
        assert!(text.contains("grep -qx 'blacklist my_drv'"), "{text}");
        assert!(text.ends_with("ExecStop=/sbin/rmmod my_drv\n"), "{text}");
        // A blacklist has the name of the kernel, whatever that of the file is.
        let mut hyphen = prebuilt("7.3.4-amd64");
        hyphen.files = vec!["/usr/lib/modules/7.3.4-amd64/updates/dkms-rust/my-drv.ko".into()];
        let text = unit("my-drv", &hyphen, &needed);
        assert!(text.contains("grep -qx 'blacklist my_drv'"), "{text}");
    }
}
