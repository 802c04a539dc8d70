// SPDX-License-Identifier: GPL-2.0-only

//! The files with which an administrator stops dkms from building automatically.

use super::source::Source;
use crate::system::System;
use crate::system::framework::value;
use std::fs;

/// Returns the file that stops automatic builds of this package, if there is one.
pub fn off(system: &System, source: &Source) -> Option<String> {
    let general = "etc/dkms/no-autoinstall".to_owned();
    if system.at(&general).exists() {
        return Some(format!("/{general}"));
    }
    let (name, version) = (&source.name, &source.version);
    // dkms reads the general file first, so the more specific one overrides it.
    let own =
        [format!("{name}-{version}"), name.clone()].map(|name| format!("etc/dkms/{name}.conf"));
    for file in own {
        let text = fs::read_to_string(system.at(&file)).unwrap_or_default();
        let set = |line| value(line, "AUTOINSTALL");
        match text.lines().filter_map(set).next_back() {
            None => {}
            Some(word) if word.is_empty() || word.eq_ignore_ascii_case("no") => {
                return Some(format!("/{file}"));
            }
            Some(_) => return None,
        }
    }
    None
}
