// SPDX-License-Identifier: GPL-2.0-only

//! Makes a build tree of links to a kernel's headers, to which the Rust parts can be added.
//!
//! The headers are never changed. A directory in the tree is real if files from elsewhere go into
//! it, or if files are found relative to it (`include/uapi`, for headers that are included as
//! `../../drivers/...`). All other directories are links.

use crate::kernel::headers::Kernel;
use anyhow::{Context, Result};
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::SystemTime;

/// The entries at the top of the headers that are not simply linked.
const TOP: [&str; 6] = [".config", "arch", "include", "scripts", "rust", "Makefile"];

/// Makes the tree in the empty directory `tree`.
///
/// # Errors
///
/// Returns an error if a part of the headers is missing, or on write errors.
pub fn create(kernel: &Kernel, tree: &Path) -> Result<()> {
    let (build, common) = (kernel.build.as_path(), kernel.common.as_path());
    let srcarch = kernel
        .srcarch()
        .context("its headers lack arch/*/include/generated")?;
    let arch = format!("arch/{srcarch}");

    // The first source that has a name provides it, so list specific sources before general ones.
    merge(tree, "", &[build, common], &TOP)?;
    link(&common.join("Makefile"), &tree.join("Makefile"))?;
    merge(tree, "arch", &[common], &[&srcarch])?;
    merge(tree, &arch, &[build, common], &["include"])?;
    merge(tree, &format!("{arch}/include"), &[build, common], &[])?;
    merge(tree, "include", &[build, common], &["config", "uapi"])?;
    merge(tree, "include/uapi", &[common], &[])?;
    // The slice brings this file: see `Slice::unpack`.
    merge(tree, "scripts", &[build, common], &["Makefile"])?;
    config(build, tree)
}

/// Links the entries of `folder` in all `sources` into the tree, except the names in `except`.
pub(crate) fn merge(tree: &Path, folder: &str, sources: &[&Path], except: &[&str]) -> Result<()> {
    let target = tree.join(folder);
    fs::create_dir_all(&target).with_context(|| format!("can't create {}", target.display()))?;
    for source in sources {
        // Resolve links in the headers (scripts, tools), so that the tree does not depend on them.
        let Ok(source) = fs::canonicalize(source.join(folder)) else {
            continue;
        };
        let entries = fs::read_dir(&source).with_context(|| source.display().to_string())?;
        for entry in entries {
            let name = entry?.file_name();
            let to = target.join(&name);
            let excepted = name.to_str().is_some_and(|name| except.contains(&name));
            if !excepted && to.symlink_metadata().is_err() {
                link(&source.join(&name), &to)?;
            }
        }
    }
    Ok(())
}

/// Copies `.config`, and of the thousands of files in `include/config` only those that kbuild
/// reads.
///
/// `.config` gets the oldest possible time, and `auto.conf.cmd` is empty. Otherwise kbuild would
/// consider the configuration out of date and regenerate it, which needs the whole source.
fn config(build: &Path, tree: &Path) -> Result<()> {
    let target = tree.join("include/config");
    fs::create_dir_all(&target)?;
    for name in ["auto.conf", "kernel.release"] {
        copy(&build.join("include/config").join(name), &target.join(name))?;
    }
    fs::write(target.join("auto.conf.cmd"), "")?;
    // Some headers have no .config. auto.conf has all options that are set, so it can replace it.
    let own = [build.join(".config"), target.join("auto.conf")];
    let own = own.iter().find(|file| file.is_file()).unwrap_or(&own[0]);
    let dot_config = copy(own, &tree.join(".config"))?;
    Ok(dot_config.set_modified(SystemTime::UNIX_EPOCH)?)
}

fn copy(from: &Path, to: &Path) -> Result<File> {
    let bytes = fs::read(from).with_context(|| format!("can't read {}", from.display()))?;
    let mut file =
        File::create_new(to).with_context(|| format!("can't create {}", to.display()))?;
    file.write_all(&bytes)?;
    Ok(file)
}

fn link(target: &Path, at: &Path) -> Result<()> {
    symlink(target, at).with_context(|| format!("can't link {}", at.display()))
}
