// SPDX-License-Identifier: GPL-2.0-only

//! Loading and unloading, and the module's own information.

use std::fs;
use std::path::Path;
use std::thread;

use anyhow::Context as _;
use anyhow::anyhow;
use anyhow::ensure;
use nix::errno::Errno;

use crate::cases::Case;
use crate::cases::Context;
use crate::check::refused;
use crate::check::same;
use crate::drive;
use crate::image::Image;
use crate::module;
use crate::module::NAME;

pub const CASES: &[Case] = &[
    Case::absent("load-brings-both", load_brings_both),
    Case::loaded("unload-removes-both", unload_removes_both),
    Case::loaded("module-is-listed", module_is_listed),
    Case::loaded("module-information", module_information),
    Case::loaded("load-twice", load_twice),
    Case::absent("load-twice-at-once", load_twice_at_once),
    Case::loaded("unload-twice", unload_twice),
];

fn load_brings_both(context: &Context) -> anyhow::Result<()> {
    drive::expect_absent()?;
    module::load_file(&context.driver).context("loading")?;
    ensure!(
        Path::new(drive::DIRECTORY).is_dir(),
        "{} is not there",
        drive::DIRECTORY
    );
    drive::expect_present()
}

fn unload_removes_both(_: &Context) -> anyhow::Result<()> {
    drive::expect_present()?;
    module::unload(NAME).context("unloading")?;
    drive::expect_absent()?;
    same("state in /proc/modules", module::state(NAME)?, None)?;
    let folder = format!("/sys/module/{NAME}");
    ensure!(!Path::new(&folder).exists(), "{folder} is still there");
    Ok(())
}

fn module_is_listed(_: &Context) -> anyhow::Result<()> {
    same(
        "state in /proc/modules",
        module::state(NAME)?.as_deref(),
        Some("Live"),
    )?;
    let path = format!("/sys/module/{NAME}/refcnt");
    let count = fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
    same("references", count.trim(), "0")
}

fn module_information(context: &Context) -> anyhow::Result<()> {
    let image = Image::read(&context.driver)?;
    let wanted_version = env!("CARGO_PKG_VERSION");
    same("name", image.information("name")?, vec![NAME.into()])?;
    same("license", image.information("license")?, vec!["GPL".into()])?;
    same(
        "version",
        image.information("version")?,
        vec![wanted_version.into()],
    )?;
    for key in ["description", "author"] {
        let values = image.information(key)?;
        ensure!(
            !values.is_empty() && values.iter().all(|value| !value.trim().is_empty()),
            "{key}: got {values:?}, a text was wanted"
        );
    }
    let path = format!("/sys/module/{NAME}/version");
    let version = fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
    same(&path, version.trim(), wanted_version)
}

fn load_twice(context: &Context) -> anyhow::Result<()> {
    let file = drive::open()?;
    for _ in 0..3 {
        refused(
            "loading again",
            module::load_file(&context.driver),
            Errno::EEXIST,
        )?;
        drive::expect_present().context("after it")?;
    }
    drive::expect_greeting("a descriptor from before", &file)?;
    same(
        "state in /proc/modules",
        module::state(NAME)?.as_deref(),
        Some("Live"),
    )
}

/// Both loads may succeed (the kernel loads a file once for all who ask at the same time), but the
/// module is loaded only once.
fn load_twice_at_once(context: &Context) -> anyhow::Result<()> {
    for round in 0..10 {
        let answers = thread::scope(|scope| {
            let threads: Vec<_> = (0..2)
                .map(|_| scope.spawn(|| module::load_file(&context.driver)))
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().map_err(|_| anyhow!("a thread panicked")))
                .collect::<anyhow::Result<Vec<_>>>()
        })?;
        ensure!(
            answers.contains(&Ok(()))
                && answers
                    .iter()
                    .all(|answer| matches!(answer, Ok(()) | Err(Errno::EEXIST))),
            "round {round}: two loads at once came to {answers:?}"
        );
        drive::expect_present()?;
        module::unload(NAME).context("unloading")?;
        drive::expect_absent()?;
    }
    Ok(())
}

fn unload_twice(_: &Context) -> anyhow::Result<()> {
    module::unload(NAME).context("unloading")?;
    refused("unloading again", module::unload(NAME), Errno::ENOENT)?;
    drive::expect_absent()
}
