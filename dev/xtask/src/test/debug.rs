// SPDX-License-Identifier: GPL-2.0-only

//! Runs the driver on our own kernels with memory, lock and race debugging and with fault
//! injection. Each kernel first has to show that it detects mistakes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;

use crate::debian::chroot::Chroot;
use crate::debian::own_kernel::{self, Variant};
use crate::debian::packaged;
use crate::debian::setup::Setup;
use crate::guest::outcome::{Outcome, show_cases};
use crate::guest::small_guest::{self, Boot, Size};
use crate::host::project::Project;
use crate::host::run;
use crate::host::{cargo, files, ui};
use crate::test::cases::debug::{DebugKernel, KERNELS, Run};

use super::choice::Choice;
use super::tally::Tally;

/// A module to build for the kernel.
struct Source {
    /// The directory of its source, in the repository.
    folder: &'static str,
    /// The files that it needs.
    files: &'static [&'static str],
    /// The file name of the built module.
    module: &'static str,
}

const SOURCES: [Source; 2] = [
    Source {
        folder: ".",
        files: &["Kbuild", "dkms.conf", "src"],
        module: small_guest::DRIVER,
    },
    Source {
        folder: "dev/guest/faulty",
        files: &["Kbuild", "faulty_main.rs", "mistakes.c"],
        module: "faulty.ko",
    },
];

/// Memory in MiB. KASAN tracks each byte of memory, which takes much of it.
const MEMORY: u32 = 1536;

/// A kernel, and the modules that were built for it.
struct Ready {
    /// The kernel image.
    vmlinuz: PathBuf,
    /// The modules: names and contents.
    modules: Vec<(&'static str, Vec<u8>)>,
}

/// Boots each kernel for each of its selected runs.
pub fn run(setup: &Setup<'_>, choice: &Choice, tally: &mut Tally) {
    for kernel in KERNELS {
        let runs = kernel.runs.iter().filter(|run| choice.wants(run.step));
        let runs: Vec<_> = runs.collect();
        if !runs.is_empty() {
            one(setup, kernel, &runs, tally);
        }
    }
}

fn one(setup: &Setup<'_>, kernel: &DebugKernel, runs: &[&Run], tally: &mut Tally) {
    let name = kernel.variant.name;
    let prepared = cargo::static_program(setup.project, "guest")
        .and_then(|program| Ok((program, ready(setup, &kernel.variant)?)));
    let (program, ready) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => return tally.fail(&format!("{name}/build"), &format!("{error:#}")),
    };
    for run in runs {
        let suite = format!("{name}/{}", run.suites);
        let outcome = boot(setup, &program, &ready, kernel, run);
        tally.guest_with(&suite, outcome, run.provoked);
    }
}

/// Builds the kernel and, with the packaged dkms-rust, its modules.
fn ready(setup: &Setup<'_>, variant: &Variant) -> Result<Ready> {
    let root = own_kernel::with(setup.project, &setup.base, variant)?;
    let release = variant.release(&root.release);
    let modules = ui::step(&format!("build modules for {release}"), || {
        let log = setup.project.log(&format!("debug-{release}"))?;
        let chroot = packaged::with_dkms_rust(setup.project, &root, &setup.repo, &log)?;
        SOURCES
            .iter()
            .map(|source| module(setup.project, &chroot, &release, source, &log))
            .collect::<Result<_>>()
    })?;
    Ok(Ready {
        vmlinuz: root.kernel(&release)?,
        modules,
    })
}

fn module(
    project: &Project,
    chroot: &Chroot,
    release: &str,
    source: &Source,
    log: &Path,
) -> Result<(&'static str, Vec<u8>)> {
    let Source {
        folder,
        files,
        module,
    } = source;
    let place = format!("/srv/{module}");
    chroot.sh(&format!("mkdir -p '{place}'")).run()?;
    let outside = chroot.path().join(place.trim_start_matches('/'));
    for file in *files {
        run::copy_all(&project.source.join(folder).join(file), &outside.join(file))?;
    }
    let line = format!("cd '{place}' && dkms-rust make -k '{release}' && strip -g {module}");
    chroot.sh(&line).log(log).run()?;
    let path = outside.join(module);
    let bytes = files::bytes(&path)?;
    Ok((module, bytes))
}

fn boot(
    setup: &Setup<'_>,
    program: &Path,
    ready: &Ready,
    kernel: &DebugKernel,
    run: &Run,
) -> Result<Outcome> {
    let short = kernel.variant.name;
    let name = format!("guest-{short}-{}", run.suites.replace(',', "-"));
    let modules: Vec<_> = ready
        .modules
        .iter()
        .map(|(name, bytes)| (*name, &bytes[..]))
        .collect();
    let project = setup.project;
    let guest = Boot {
        kernel: &ready.vmlinuz,
        program,
        modules: &modules,
        programs: &[],
        words: &format!("{} guest={} {}", kernel.words, run.suites, run.words),
        name: &name,
        devices: &[],
        size: Size {
            memory: MEMORY,
            timeout: Duration::from_secs(run.minutes * 60),
        },
    };
    let what = format!("run {} in a guest with the {short} kernel", run.suites);
    ui::step(&what, || guest.run(project, &mut show_cases(short)))
}
