// SPDX-License-Identifier: GPL-2.0-only

//! Which kernel modules a guest needs before it has a root, and in which order.

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::host::files;
use crate::host::run::Cmd;

/// A kernel module, ready to be loaded.
pub struct Module {
    /// Its name, prefixed with a number that gives the order.
    pub name: String,
    /// Its content, not compressed.
    pub bytes: Vec<u8>,
}

/// Reads the `wanted` modules and their dependencies from a root. Modules of `maybe` come first, if
/// the kernel has them. Built-in modules are left out.
pub fn collect(root: &Path, release: &str, maybe: &[&str], wanted: &[&str]) -> Result<Vec<Module>> {
    let folder = root.join("usr/lib/modules").join(release);
    let read = |name: &str| {
        let path = folder.join(name);
        files::text(&path)
    };
    let dep = read("modules.dep")?;
    let there = maybe.iter().filter(|name| line_of(&dep, name).is_some());
    let wanted: Vec<&str> = there.chain(wanted).copied().collect();
    let order = load_order(&dep, &read("modules.builtin")?, &wanted)?;
    order
        .iter()
        .enumerate()
        .map(|(number, path)| {
            let name = format!("{number:02}-{}.ko", stem(path));
            Ok(Module {
                name,
                bytes: decompressed(&folder.join(path))?,
            })
        })
        .collect()
}

/// Reads a module, and decompresses it according to its file name.
pub fn decompressed(path: &Path) -> Result<Vec<u8>> {
    let program = match path.extension().and_then(|extension| extension.to_str()) {
        Some("ko") => {
            return files::bytes(path);
        }
        Some("xz") => "xz",
        Some("zst") => "zstd",
        Some("gz") => "gzip",
        _ => bail!("{}: not a kernel module by its name", path.display()),
    };
    let output = Cmd::new(program)
        .args(["--decompress", "--stdout"])
        .arg(path)
        .into_inner()
        .output()
        .with_context(|| format!("cannot run {program}"))?;
    if !output.status.success() {
        bail!(
            "{program} cannot read {}: {}",
            path.display(),
            output.status
        );
    }
    Ok(output.stdout)
}

/// Returns the paths of modules in loading order, from `modules.dep`.
fn load_order(dep: &str, builtin: &str, wanted: &[&str]) -> Result<Vec<String>> {
    let mut order: Vec<String> = Vec::new();
    for name in wanted {
        if builtin.lines().any(|path| stem(path) == *name) {
            continue;
        }
        let Some((path, needs)) = line_of(dep, name) else {
            bail!("this kernel has no module {name}, neither built in nor to load");
        };
        // The file lists the dependencies of a module deepest last.
        for need in needs.split_whitespace().rev().chain([path]) {
            if !order.iter().any(|known| known == need) {
                order.push(need.to_owned());
            }
        }
    }
    Ok(order)
}

/// Returns the path of a module and its dependencies.
fn line_of<'a>(dep: &'a str, name: &str) -> Option<(&'a str, &'a str)> {
    dep.lines().find_map(|line| {
        let (path, needs) = line.split_once(':')?;
        (stem(path) == name).then_some((path, needs))
    })
}

/// Returns the module name for a path, with underscores as in the kernel.
fn stem(path: &str) -> String {
    let file = path.rsplit('/').next().unwrap_or(path);
    file.split('.').next().unwrap_or(file).replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEP: &str = "kernel/fs/ext4/ext4.ko.xz: kernel/lib/crc16.ko.xz kernel/fs/mbcache.ko.xz \
                       kernel/fs/jbd2/jbd2.ko.xz\nkernel/fs/jbd2/jbd2.ko.xz:\n\
                       kernel/drivers/block/virtio-blk.ko.xz:\n";

    #[test]
    fn what_a_module_needs_comes_before_it_and_once() {
        let order = load_order(DEP, "", &["jbd2", "ext4", "virtio_blk"]).unwrap();
        let names: Vec<String> = order.iter().map(|path| stem(path)).collect();
        assert_eq!(names, ["jbd2", "mbcache", "crc16", "ext4", "virtio_blk"]);
    }

    #[test]
    fn what_is_built_in_is_left_out() {
        let order = load_order(
            DEP,
            "kernel/drivers/virtio/virtio_pci.ko\n",
            &["virtio_pci"],
        );
        assert!(order.unwrap().is_empty());
    }

    #[test]
    fn a_module_that_is_not_there_is_an_error_that_names_it() {
        let error = load_order(DEP, "", &["btrfs"]).unwrap_err();
        assert!(error.to_string().contains("btrfs"));
    }
}
