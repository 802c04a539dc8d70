// SPDX-License-Identifier: GPL-2.0-only

//! Whether the running kernel belongs to this system, and not to a host around it.

use super::dkms::run;
use crate::system::System;
use std::fs;

/// Files that container engines create. They are checked if there is no systemd to ask.
const MARKS: [&str; 3] = [
    ".dockerenv",
    "run/.containerenv",
    "run/host/container-manager",
];

/// Whether this system may load and unload modules.
pub fn owns_kernel(system: &System) -> bool {
    if !system.at("proc/modules").exists() || run(system, "ischroot", &[]).well() {
        return false;
    }
    const DETECT: &str = "systemd-detect-virt";
    if system.program(DETECT).is_some() {
        let is = |what| run(system, DETECT, &["--quiet", what]).well();
        return !is("--chroot") && !is("--container");
    }
    if MARKS.iter().any(|mark| system.at(mark).exists()) {
        return false;
    }
    let variables = fs::read(system.at("proc/1/environ")).unwrap_or_default();
    let mut variables = variables.split(|byte| *byte == 0);
    let container = |variable: &[u8]| {
        variable
            .strip_prefix(b"container=")
            .is_some_and(|by| !by.is_empty())
    };
    !variables.any(container)
}
