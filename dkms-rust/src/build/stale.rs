// SPDX-License-Identifier: GPL-2.0-only

//! Removes what is kept for kernels that are no longer installed.

use crate::build::cache::Cache;
use crate::build::failures;
use crate::build::lasted;
use crate::kernel::fingerprint;
use crate::kernel::memory;
use crate::kernel::release::Release;
use crate::source::slice;
use crate::system::{System, names_in};
use anyhow::{Context, Result};
use std::fs;
use std::path::Path;

/// The directories below [`System::state`] with one file per kernel, and the end of the files'
/// names.
const FILES: [(&str, &str); 4] = [
    (slice::FOLDER, slice::END),
    (fingerprint::REMEMBERED, memory::END),
    (failures::FOLDER, memory::END),
    (lasted::FOLDER, memory::END),
];

/// Removes the trees, slices and remembered facts of these kernels, and unfinished files of killed
/// processes. Leaves out the kernel whose tree the caller uses.
///
/// # Errors
///
/// Returns an error if something can't be removed.
pub fn drop_stale(system: &System, used: Option<&Release>) -> Result<()> {
    let is_stale = |release: &Release| Some(release) != used && !release.is_installed(system);
    if system.cache().symlink_metadata().is_ok() {
        let cache = Cache::open(system)?;
        for release in cache.releases()?.iter().filter(|release| is_stale(release)) {
            cache.drop_release(release)?;
        }
    }
    drop_half_done(&system.state())?;
    for (folder, end) in FILES {
        let folder = system.state().join(folder);
        drop_half_done(&folder)?;
        for name in names_in(&folder) {
            let release = name
                .strip_suffix(end)
                .and_then(|name| name.parse::<Release>().ok());
            if release.is_some_and(|release| is_stale(&release)) {
                let file = folder.join(name);
                fs::remove_file(&file)
                    .with_context(|| format!("can't remove {}", file.display()))?;
            }
        }
    }
    Ok(())
}

/// Removes unfinished files and directories of processes that no longer exist. Their names end with
/// the process ID.
fn drop_half_done(folder: &Path) -> Result<()> {
    for name in names_in(folder) {
        let begun = name.starts_with('.') || name.contains(".new-");
        let plain = FILES.iter().find_map(|(_, end)| name.strip_suffix(end));
        let number = plain.unwrap_or(&name).rsplit('-').next();
        let maker = number.and_then(|number| number.parse::<u32>().ok());
        let gone = |maker: u32| !Path::new("/proc").join(maker.to_string()).exists();
        if !begun || !maker.is_some_and(gone) {
            continue;
        }
        let path = folder.join(name);
        let removed = match path.symlink_metadata()?.is_dir() {
            true => fs::remove_dir_all(&path),
            false => fs::remove_file(&path),
        };
        removed.with_context(|| format!("can't remove {}", path.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_killed_processes_left_goes_and_what_is_being_made_stays() {
        let root = tempfile::tempdir().unwrap();
        let system = System::below(root.path());
        // No process ID is this large.
        let gone = u32::MAX;
        let here = std::process::id();
        let source = system.state().join(slice::FOLDER);
        let headers = system.state().join(fingerprint::REMEMBERED);
        fs::create_dir_all(&headers).unwrap();
        for pid in [gone, here] {
            fs::create_dir_all(system.state().join(format!(".fetch-{pid}/tree"))).unwrap();
            fs::create_dir_all(source.join(format!(".7.3.4-amd64-{pid}/rust"))).unwrap();
            fs::write(source.join(format!(".7.3.4-amd64-{pid}.tar.xz")), "").unwrap();
            fs::write(headers.join(format!("7.3.4-amd64.new-{pid}")), "").unwrap();
        }
        drop_stale(&system, None).unwrap();
        let fetch = format!(".fetch-{here}");
        assert!(system.state().join(fetch).exists());
        for (folder, count) in [(system.state(), 3), (source, 2), (headers, 1)] {
            let left = names_in(&folder);
            assert_eq!(left.len(), count, "{left:?}");
            assert!(!left.iter().any(|name| name.contains(&gone.to_string())));
        }
    }

    #[test]
    fn what_is_kept_goes_with_its_kernel() {
        let root = tempfile::tempdir().unwrap();
        let system = System::below(root.path());
        fs::create_dir_all(system.modules().join("7.3.4-amd64/kernel")).unwrap();
        // A removed kernel may leave its directory behind.
        fs::create_dir_all(system.modules().join("6.12.1-amd64")).unwrap();
        for (folder, end) in FILES {
            let folder = system.state().join(folder);
            fs::create_dir_all(&folder).unwrap();
            for release in ["7.3.4-amd64", "6.12.1-amd64", "6.1.0-amd64", "other thing"] {
                fs::write(folder.join(format!("{release}{end}")), "").unwrap();
            }
        }
        drop_stale(&system, None).unwrap();
        for (folder, end) in FILES {
            let left = names_in(&system.state().join(folder));
            let expected = ["7.3.4-amd64", "other thing"].map(|name| format!("{name}{end}"));
            assert_eq!(left, expected);
        }
    }
}
