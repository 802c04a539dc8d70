// SPDX-License-Identifier: GPL-2.0-only

//! Writes a container image of modules, laid out as Kernel Module Management (KMM) loads them: with
//! `modprobe -d /opt` of its own, so that the image has neither a shell nor modprobe.

use super::{Unpacked, must, put};
use crate::pack::stage::EPOCH;
use crate::package::dkms::run;
use crate::status::module_file::unpacked;
use crate::system::System;
use crate::system::bounded;
use crate::system::search::program;
use anyhow::{Context, Result, ensure};
use std::env;
use std::path::Path;
use std::process::{Command, Stdio};

/// Writes the image to `output`, an archive in OCI's format.
///
/// # Errors
///
/// If buildah or depmod fails.
pub fn write(debs: &Unpacked, output: &Path, name: &str) -> Result<()> {
    let stage = debs.stage();
    for prebuilt in &debs.all {
        let folder = stage.join("opt/lib/modules").join(&prebuilt.kernel);
        for file in &prebuilt.files {
            // KMM can sign only modules that are not compressed.
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            let plain = name.split_once(".ko").map_or(&*name, |(name, _)| name);
            let content = unpacked(&debs.at(file), bounded::OBJECT)?;
            put(&folder.join(format!("{plain}.ko")), content)?;
        }
        let base = stage.join("opt");
        let base = base.to_string_lossy();
        // It misses the kernel's own modules, and says so; it is enough for these.
        let depmod = run(&System::here(), "depmod", &["-b", &base, &prebuilt.kernel]);
        ensure!(
            depmod.well(),
            "depmod {}:\n{}",
            depmod.how(),
            depmod.last(3)
        );
    }
    let buildah = |words: &[&str]| {
        let mut buildah = Command::new(program("buildah"));
        buildah.args(["--storage-driver", "vfs", "--root"]);
        buildah.arg(debs.work.path().join("storage"));
        buildah.arg("--runroot").arg(debs.work.path().join("run"));
        buildah.args(words);
        buildah
    };
    let begun = buildah(&["from", "scratch"])
        .stderr(Stdio::inherit())
        .output();
    let begun = begun.context("can't run buildah (is it installed?)")?;
    ensure!(begun.status.success(), "buildah failed ({})", begun.status);
    let container = String::from_utf8(begun.stdout)?;
    let container = container.trim();
    must(
        buildah(&["copy", "--quiet", container])
            .arg(stage.join("opt"))
            .arg("/opt"),
        "buildah",
    )?;
    let time = env::var(EPOCH).unwrap_or_else(|_| "0".to_owned());
    let to = format!("oci-archive:{}:{name}", output.display());
    let commit = ["commit", "--quiet", "--timestamp", &time, container, &to];
    must(&mut buildah(&commit), "buildah")?;
    ensure!(output.is_file(), "buildah wrote no {}", output.display());
    Ok(())
}
