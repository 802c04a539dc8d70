// SPDX-License-Identifier: GPL-2.0-only

//! What is kept of kernels that are gone.

use crate::build::cache::Cache;
use crate::build::failures;
use crate::kernel::fingerprint;
use crate::kernel::memory;
use crate::kernel::release::Release;
use crate::source::slice;
use crate::system::{System, names};
use anyhow::{Context, Result};
use std::fs;

/// The directories below [`System::state`] with a file for each kernel, and how its name ends.
const FILES: [(&str, &str); 3] = [
    (slice::FOLDER, slice::END),
    (fingerprint::REMEMBERED, memory::END),
    (failures::FOLDER, memory::END),
];

/// Drops it: trees, slices, and what is remembered.
///
/// # Errors
///
/// If something can't be removed.
pub fn drop_stale(system: &System) -> Result<()> {
    if system.cache().symlink_metadata().is_ok() {
        Cache::open(system)?.drop_stale(system)?;
    }
    for (folder, end) in FILES {
        let folder = system.state().join(folder);
        for name in names(&folder) {
            let release = name
                .strip_suffix(end)
                .and_then(|name| name.parse::<Release>().ok());
            if release.is_some_and(|release| !release.is_installed(system)) {
                let file = folder.join(name);
                fs::remove_file(&file)
                    .with_context(|| format!("can't remove {}", file.display()))?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_goes_with_its_kernel() {
        let root = tempfile::tempdir().unwrap();
        let system = System::below(root.path());
        fs::create_dir_all(system.modules().join("7.3.4-amd64/kernel")).unwrap();
        // What a removal leaves.
        fs::create_dir_all(system.modules().join("6.12.1-amd64")).unwrap();
        for (folder, end) in FILES {
            let folder = system.state().join(folder);
            fs::create_dir_all(&folder).unwrap();
            for release in ["7.3.4-amd64", "6.12.1-amd64", "6.1.0-amd64", "other thing"] {
                fs::write(folder.join(format!("{release}{end}")), "").unwrap();
            }
        }
        drop_stale(&system).unwrap();
        for (folder, end) in FILES {
            let left = names(&system.state().join(folder));
            let expected = ["7.3.4-amd64", "other thing"].map(|name| format!("{name}{end}"));
            assert_eq!(left, expected);
        }
    }
}
