// SPDX-License-Identifier: GPL-2.0-only

//! Loads modules into the running kernel, and unloads them.

use super::dkms::{run, run_within};
use super::key;
use super::origin::Origin;
use super::owner::owns_kernel;
use super::say::Voice;
use crate::kernel::release::Release;
use crate::status::autoload;
use crate::status::files::{self, in_kernel};
use crate::status::report::Load;
use crate::system::{System, names_in};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long to wait for rmmod. If a call into the module does not return (the reader's buffer may
/// be on a file system that does not respond), rmmod blocks in the kernel, where no signal reaches
/// it. The module is unloaded when that call returns.
const PATIENCE: Duration = Duration::from_secs(if cfg!(test) { 1 } else { 10 });

/// Returns the release of the running kernel.
pub fn running(system: &System) -> Option<Release> {
    match fs::read_to_string(system.at("proc/sys/kernel/osrelease")) {
        Ok(release) => release.trim().parse().ok(),
        Err(_) => Release::running().ok(),
    }
}

/// Loads a module. `new` says whether it has just come for the running kernel.
pub fn load(
    system: &System,
    voice: &Voice,
    origin: Origin<'_>,
    module: &str,
    in_use: &[PathBuf],
    new: bool,
) {
    if !owns_kernel(system) {
        return voice.say("not loaded: this is a chroot or a container");
    }
    let Some(running) = running(system) else {
        return voice.say("not loaded: can't tell which kernel is running");
    };
    let Some(there) = files::taken(system, &running, module) else {
        return voice.say(format!(
            "not loaded: there is no module for the running kernel {running}"
        ));
    };
    let autoload = autoload::of(system, module, false);
    if let (Load::Masked, Some(by)) = (autoload.how, autoload.by) {
        return voice.say(format!(
            "not loaded: masked by {by}; by hand: modprobe {module}"
        ));
    }
    let mut unloaded = false;
    if is_loaded(system, module) {
        if !new {
            return voice.say(format!(
                "the loaded module stays, because there is nothing newer for {running}"
            ));
        }
        if key::would_be_refused(system, origin, &there) {
            voice.say(format!(
                "{}, but the older module stays loaded: the running kernel would refuse the new one",
                origin.done()
            ));
            return key::advise(system, voice, origin, &there);
        }
        if !unload_older(system, voice, module, in_use) {
            return;
        }
        unloaded = true;
    }
    // With -b modprobe obeys a blacklist, and then succeeds without loading.
    let ended = run(system, "modprobe", &["-b", module]);
    if !ended.well() {
        let done = match new {
            true => format!("{}, but ", origin.done()),
            false => String::new(),
        };
        voice.say(format!("{done}the running kernel refused to load it:"));
        voice.quote(&ended.said);
        if unloaded {
            say_unloaded(voice, module);
        }
        return key::explain(system, voice, origin, &there, &ended.said);
    }
    if !is_loaded(system, module) {
        voice.say("not loaded: blacklisted in /etc/modprobe.d or on the kernel's command line");
        if unloaded {
            say_unloaded(voice, module);
        }
        return;
    }
    match in_use.iter().find_map(|folder| first_file(system, folder)) {
        Some(file) => voice.say(format!("loaded; try: cat {file}")),
        None => voice.say(format!("loaded {module}")),
    }
}

/// Reports that the older module is gone, and the new one did not come. The older one's file was
/// replaced, so it can't be loaded again.
fn say_unloaded(voice: &Voice, module: &str) {
    voice.say(format!(
        "the older module was unloaded before, so none is loaded now; to load the new one by hand: \
         modprobe {module}"
    ));
}

/// Unloads a module if it is loaded.
pub fn unload(system: &System, voice: &Voice, module: &str) {
    if !is_loaded(system, module) || !owns_kernel(system) {
        return;
    }
    let ended = run_within(system, "rmmod", &[module], Some(PATIENCE));
    if ended.well() {
        voice.say("unloaded");
    } else if ended.late {
        voice.say(
            "a program's call into the module has not returned; the module is unloaded when it \
             does",
        );
    } else {
        voice.say(format!(
            "stays loaded until the next boot: {}",
            ended.last(1)
        ));
    }
}

/// Unloads an older module, unless a program has one of its files open, because that program would
/// get errors from then on. Returns whether it was unloaded.
fn unload_older(system: &System, voice: &Voice, module: &str, in_use: &[PathBuf]) -> bool {
    let holders = holders(system, in_use);
    if !holders.is_empty() {
        let list: Vec<String> = holders.iter().map(u32::to_string).collect();
        voice.say(format!(
            "the older module stays loaded; {} program(s) use it: {}",
            holders.len(),
            list.join(" ")
        ));
        voice.say(format!(
            "to load the new one: modprobe -r {module}; modprobe {module}"
        ));
        return false;
    }
    let ended = run_within(system, "rmmod", &[module], Some(PATIENCE));
    if !ended.well() {
        let why = match ended.late {
            true => "a program's call into it has not returned".to_owned(),
            false => ended.last(1),
        };
        voice.say(format!(
            "the older module stays loaded until the next boot: {why}"
        ));
    }
    ended.well()
}

fn is_loaded(system: &System, module: &str) -> bool {
    system.loaded().join(in_kernel(module)).is_dir()
}

/// Returns the processes that have a file below one of these directories open.
fn holders(system: &System, folders: &[PathBuf]) -> BTreeSet<u32> {
    let processes = names_in(&system.at("proc")).into_iter();
    let processes = processes.filter_map(|name| name.parse::<u32>().ok());
    let holds = |process: &u32| {
        let open = system.at("proc").join(process.to_string()).join("fd");
        names_in(&open).iter().any(|number| {
            let file = fs::read_link(open.join(number)).unwrap_or_default();
            folders.iter().any(|folder| file.starts_with(folder))
        })
    };
    processes.filter(holds).collect()
}

/// Returns a file that the user can try to read.
fn first_file(system: &System, folder: &Path) -> Option<String> {
    let folder = folder.strip_prefix("/").unwrap_or(folder);
    let folder = system.at(folder.to_str()?);
    let mut files = names_in(&folder).into_iter().map(|name| folder.join(name));
    Some(system.shown(&files.find(|file| file.is_file())?))
}
