// SPDX-License-Identifier: GPL-2.0-only

//! Finds the kernel that boots next. The files of a known boot loader tell; without one the answer
//! is a guess and is marked as such. Whether it will have a module is in `module.rs` (`at_boot`).

use super::report::{How, NextBoot};
use super::{grub, systemd_boot};
use crate::kernel::release::Release;
use crate::system::version;
use crate::system::{System, names_in};

/// Links to the newest kernel, which Debian's kernel packages maintain.
const LINKS: [&str; 2] = ["vmlinuz", "boot/vmlinuz"];

/// Finds the kernel that boots next.
pub fn find(system: &System) -> NextBoot {
    systemd_boot::next(system)
        .or_else(|| grub::next(system))
        .or_else(|| link(system))
        .or_else(|| newest(system))
        .unwrap_or(NextBoot {
            kernel: None,
            how: How::Nothing,
            guess: true,
            why: "there is no kernel in /boot".into(),
        })
}

fn link(system: &System) -> Option<NextBoot> {
    LINKS.iter().find_map(|name| {
        let target = system.at(name).read_link().ok()?;
        Some(NextBoot {
            kernel: Some(Release::of_image(target.to_str()?)?.to_string()),
            how: How::Link,
            guess: true,
            why: format!("no known boot loader; /{name} links to it"),
        })
    })
}

fn newest(system: &System) -> Option<NextBoot> {
    let kernels = names_in(&system.at("boot"));
    let newest = kernels
        .iter()
        .filter_map(|name| Release::of_image(name))
        .max_by(|a, b| version::compare(a.as_str(), b.as_str()))?;
    Some(NextBoot {
        kernel: Some(newest.to_string()),
        how: How::Newest,
        guess: true,
        why: "no known boot loader; it is the newest in /boot".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn without_a_boot_loader_the_link_decides_and_then_the_newest() {
        let root = tempfile::tempdir().unwrap();
        let system = System::below(root.path());
        assert_eq!(find(&system).how, How::Nothing);

        fs::create_dir(root.path().join("boot")).unwrap();
        for name in ["vmlinuz-7.3.4-amd64", "vmlinuz-7.3.10-amd64", "config-9.9"] {
            fs::write(root.path().join("boot").join(name), "").unwrap();
        }
        let next = find(&system);
        assert_eq!(next.kernel.as_deref(), Some("7.3.10-amd64"));
        assert!(next.how == How::Newest && next.guess);

        let target = "boot/vmlinuz-7.3.4-amd64";
        std::os::unix::fs::symlink(target, root.path().join("vmlinuz")).unwrap();
        let next = find(&system);
        assert_eq!(next.kernel.as_deref(), Some("7.3.4-amd64"));
        assert!(next.how == How::Link && next.guess);
    }
}
