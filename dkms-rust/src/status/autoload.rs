// SPDX-License-Identifier: GPL-2.0-only

//! Finds out whether a boot loads a module. Reads modules-load.d(5), modprobe.d(5) and the kernel's
//! command line.

use super::files::in_kernel;
use super::report::{Autoload, Load};
use crate::system::{System, names_in};
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

/// The directories that can contain drop-in files. If several have a file of the same name, the
/// first one wins.
const PLACES: [&str; 5] = ["etc", "run", "usr/local/lib", "usr/lib", "lib"];

/// Returns what loads the module at boot, or what prevents that. `for_devices` says whether the
/// module itself lists the devices that it supports.
pub fn of(system: &System, module: &str, for_devices: bool) -> Autoload {
    let (how, by) = match blacklisted(system, module) {
        Some(by) => (Load::Blacklisted, Some(by)),
        None => match named(system, module) {
            Named::By(by) => (Load::Named, Some(by)),
            Named::Masked(by) => (Load::Masked, Some(by)),
            Named::Not if for_devices => (Load::Device, None),
            Named::Not => (Load::Nothing, None),
        },
    };
    Autoload { how, by }
}

enum Named {
    By(String),
    Masked(String),
    Not,
}

fn named(system: &System, module: &str) -> Named {
    if let Some(word) = on_command_line(system, module, &["modules_load", "rd.modules_load"]) {
        return Named::By(word);
    }
    let mut masked = None;
    for files in drop_ins(system, "modules-load.d") {
        // A link to /dev/null reads as empty, so it masks a file just as an emptied one does.
        let names_it = |file: &PathBuf| {
            let text = fs::read_to_string(file).unwrap_or_default();
            text.lines().any(|line| same(line.trim(), module))
        };
        if names_it(&files[0]) {
            return Named::By(system.shown(&files[0]));
        }
        if files[1..].iter().any(names_it) {
            masked = Some(system.shown(&files[0]));
        }
    }
    masked.map_or(Named::Not, Named::Masked)
}

fn blacklisted(system: &System, module: &str) -> Option<String> {
    let words = ["modprobe.blacklist", "module_blacklist"];
    if let Some(word) = on_command_line(system, module, &words) {
        return Some(word);
    }
    for files in drop_ins(system, "modprobe.d") {
        let text = fs::read_to_string(&files[0]).unwrap_or_default();
        for (number, line) in text.lines().enumerate() {
            let mut words = line.split_whitespace();
            let what = words.next().unwrap_or_default();
            if ["blacklist", "install"].contains(&what)
                && words.next().is_some_and(|name| same(name, module))
            {
                return Some(format!("{}:{}", system.shown(&files[0]), number + 1));
            }
        }
    }
    None
}

/// Returns the word on the running kernel's command line in which one of `options` names the
/// module.
fn on_command_line(system: &System, module: &str, options: &[&str]) -> Option<String> {
    let line = fs::read_to_string(system.at("proc/cmdline")).ok()?;
    let word = line.split_whitespace().find(|word| {
        word.split_once('=').is_some_and(|(option, list)| {
            options.contains(&option) && list.split(',').any(|name| same(name, module))
        })
    })?;
    Some(format!("{word} on the kernel's command line"))
}

/// Compares two module names.
fn same(a: &str, b: &str) -> bool {
    in_kernel(a) == in_kernel(b)
}

/// Returns the drop-in files, one list per file name: the file that is used, then those that it
/// hides.
fn drop_ins(system: &System, kind: &str) -> Vec<Vec<PathBuf>> {
    let folders: Vec<PathBuf> = PLACES
        .iter()
        .map(|place| system.at(place).join(kind))
        .collect();
    let all: BTreeSet<String> = folders
        .iter()
        .flat_map(|folder| names_in(folder))
        .filter(|name| name.ends_with(".conf"))
        .collect();
    let there = |path: &PathBuf| path.symlink_metadata().is_ok();
    let of = |name: &String| {
        folders
            .iter()
            .map(|folder| folder.join(name))
            .filter(there)
            .collect()
    };
    all.iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn write(root: &Path, name: &str, text: &str) {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn how(root: &Path) -> (Load, Option<String>) {
        let autoload = of(&System::below(root), "proc-Driver", false);
        (autoload.how, autoload.by)
    }

    #[test]
    fn a_file_names_it_until_one_of_the_same_name_hides_it() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(how(root.path()), (Load::Nothing, None));
        let file = "usr/lib/modules-load.d/p.conf";
        write(root.path(), file, "# a comment\nproc_Driver\n");
        assert_eq!(how(root.path()), (Load::Named, Some(format!("/{file}"))));

        let mask = root.path().join("etc/modules-load.d/p.conf");
        fs::create_dir_all(mask.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink("/dev/null", &mask).unwrap();
        let by = Some("/etc/modules-load.d/p.conf".to_owned());
        assert_eq!(how(root.path()), (Load::Masked, by));

        write(root.path(), "etc/modules-load.d/q.conf", "proc-Driver");
        assert_eq!(how(root.path()).0, Load::Named);
    }

    #[test]
    fn a_blacklist_goes_before_what_names_it_and_can_itself_be_hidden() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), "etc/modules-load.d/p.conf", "proc-Driver");
        let text = "# blacklist proc_Driver\nblacklist procOther\nblacklist proc_Driver\n";
        write(root.path(), "usr/lib/modprobe.d/b.conf", text);
        let by = Some("/usr/lib/modprobe.d/b.conf:3".to_owned());
        assert_eq!(how(root.path()), (Load::Blacklisted, by));
        write(root.path(), "etc/modprobe.d/b.conf", "");
        assert_eq!(how(root.path()).0, Load::Named);

        let instead = "install proc_Driver /bin/false\n";
        write(root.path(), "etc/modprobe.d/i.conf", instead);
        assert_eq!(how(root.path()).0, Load::Blacklisted);
    }

    #[test]
    fn the_command_line_counts_as_well() {
        let root = tempfile::tempdir().unwrap();
        write(
            root.path(),
            "proc/cmdline",
            "quiet modules_load=a,proc_Driver",
        );
        assert_eq!(how(root.path()).0, Load::Named);
        write(
            root.path(),
            "proc/cmdline",
            "module_blacklist=procDriver,proc_Driver",
        );
        let (how, by) = how(root.path());
        assert_eq!(how, Load::Blacklisted);
        assert!(by.unwrap().contains("module_blacklist=procDriver"));
    }

    #[test]
    fn a_module_for_devices_needs_no_file() {
        let root = tempfile::tempdir().unwrap();
        let system = System::below(root.path());
        assert_eq!(of(&system, "x", true).how, Load::Device);
    }
}
