// SPDX-License-Identifier: GPL-2.0-only

//! Whether the running kernel is this system's own, and not that of a host around it.

use super::dkms::{program, run};
use crate::system::System;
use std::fs;

/// What made a container left its mark, also where there is no systemd to ask.
const MARKS: [&str; 3] = [
    ".dockerenv",
    "run/.containerenv",
    "run/host/container-manager",
];

/// Whether modules may be loaded and unloaded here.
pub fn owns_kernel(system: &System) -> bool {
    if !system.at("proc/modules").exists() || run(system, "ischroot", &[]).well() {
        return false;
    }
    const DETECT: &str = "systemd-detect-virt";
    if program(system, DETECT).is_some() {
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
