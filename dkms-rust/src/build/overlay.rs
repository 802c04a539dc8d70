// SPDX-License-Identifier: GPL-2.0-only

//! A build tree made of links to a kernel's headers, into which its Rust parts can be added.
//!
//! The headers stay untouched. Folders are real where something of another origin goes into them
//! or is found relative to them (`include/uapi`, for headers included as `../../drivers/...`), and
//! links everywhere else.

use crate::kernel::headers::Kernel;
use anyhow::{Context, Result};
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::SystemTime;

/// What is not simply linked of the headers' top folders.
const TOP: [&str; 6] = [".config", "arch", "include", "scripts", "rust", "Makefile"];

/// Makes the tree in the empty folder `tree`.
///
/// # Errors
///
/// If the headers lack a part, or on errors of writing.
pub fn create(kernel: &Kernel, tree: &Path) -> Result<()> {
    let (build, common) = (kernel.build.as_path(), kernel.common.as_path());
    let srcarch = kernel
        .srcarch()
        .context("its headers have no arch/*/include/generated")?;
    let arch = format!("arch/{srcarch}");

    // The first folder to have a name provides it, so the order is from special to general.
    merge(tree, "", &[build, common], &TOP)?;
    link(&common.join("Makefile"), &tree.join("Makefile"))?;
    merge(tree, "arch", &[common], &[&srcarch])?;
    merge(tree, &arch, &[build, common], &["include"])?;
    merge(tree, &format!("{arch}/include"), &[build, common], &[])?;
    merge(tree, "include", &[build, common], &["config", "uapi"])?;
    merge(tree, "include/uapi", &[common], &[])?;
    // What linux-source brings of these is real files: see `linux_source::unpack`.
    merge(tree, "scripts", &[build, common], &["Makefile"])?;
    config(build, tree)
}

/// Links all that `sources` have in `folder`, but for the names in `except`, into the tree.
pub(crate) fn merge(tree: &Path, folder: &str, sources: &[&Path], except: &[&str]) -> Result<()> {
    let target = tree.join(folder);
    fs::create_dir_all(&target).with_context(|| format!("can't make {}", target.display()))?;
    for source in sources {
        // Resolved, so that a link of the headers (scripts, tools) does not hang on them.
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

/// `.config` and `include/config`: of its thousands of files only those that kbuild reads.
///
/// `.config` is as old as can be and `auto.conf.cmd` empty; otherwise kbuild would find the
/// configuration out of date and make it anew, which takes the whole source.
fn config(build: &Path, tree: &Path) -> Result<()> {
    let target = tree.join("include/config");
    fs::create_dir_all(&target)?;
    for name in ["auto.conf", "kernel.release"] {
        copy(&build.join("include/config").join(name), &target.join(name))?;
    }
    fs::write(target.join("auto.conf.cmd"), "")?;
    // Headers without a .config have all options that are set in auto.conf.
    let own = [build.join(".config"), target.join("auto.conf")];
    let own = own.iter().find(|file| file.is_file()).unwrap_or(&own[0]);
    let dot_config = copy(own, &tree.join(".config"))?;
    Ok(dot_config.set_modified(SystemTime::UNIX_EPOCH)?)
}

fn copy(from: &Path, to: &Path) -> Result<File> {
    let bytes = fs::read(from).with_context(|| format!("can't read {}", from.display()))?;
    let mut file = File::create_new(to).with_context(|| format!("can't make {}", to.display()))?;
    file.write_all(&bytes)?;
    Ok(file)
}

fn link(target: &Path, at: &Path) -> Result<()> {
    symlink(target, at).with_context(|| format!("can't link {}", at.display()))
}
