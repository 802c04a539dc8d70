// SPDX-License-Identifier: GPL-2.0-only

//! The files with which an administrator stops dkms from building automatically.

use super::source::DkmsSource;
use crate::kernel::release::Release;
use crate::system::System;
use crate::system::framework::value;
use std::env::consts::ARCH;
use std::fs;

/// Returns the file that stops automatic builds of this package, if there is one: for one kernel, or
/// for every kernel that has no file of its own.
pub fn off(system: &System, source: &DkmsSource, kernel: Option<&Release>) -> Option<String> {
    let general = "etc/dkms/no-autoinstall".to_owned();
    if system.at(&general).exists() {
        return Some(format!("/{general}"));
    }
    let (name, version) = (&source.name, &source.version);
    // dkms reads them in the opposite order, so the first of these that sets something decides.
    let mut own = Vec::new();
    for name in [format!("{name}-"), format!("{name}-{version}")] {
        own.extend(kernel.map(|kernel| format!("{name}-{kernel}-{ARCH}")));
        own.extend(kernel.map(|kernel| format!("{name}-{kernel}")));
    }
    own.extend([format!("{name}-{version}"), name.clone()]);
    for file in own.iter().map(|name| format!("etc/dkms/{name}.conf")) {
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
