// SPDX-License-Identifier: GPL-2.0-only

//! `dkms-rust status`: every kernel, the Rust modules that DKMS has for it, and whether the next
//! boot will have them. May use all rooms except `package`, `cli` and `commands`.
//!
//! [`report`] holds the result, in the layout of the JSON output; [`table`] formats it for people.
//! Each of these modules answers one question: [`packages`], [`files`], [`module_file`],
//! [`signing`], [`autoload`], [`next_boot`]. [`problems`] has the sentences about what is wrong, and
//! the mends. [`outcomes`] stores what `package` remembers, and [`prebuilt`] describes modules that
//! were built elsewhere.

pub mod autoload;
pub mod files;
mod grub;
mod module;
pub mod module_file;
mod next_boot;
pub mod outcomes;
pub mod packages;
mod place;
pub mod prebuilt;
mod problems;
pub mod report;
pub mod signing;
mod systemd_boot;
mod table;

use crate::build::info;
use crate::build::plan::Plan;
use crate::kernel::release::Release;
use crate::system::System;
use crate::system::print::{print, tell};
use anyhow::Result;
use module_file::ModuleFile;
use packages::Package;
use place::{Headers, Place};
use report::{KernelReport, NextBoot, Report, SCHEMA, Verdict};
use signing::Signer;
use std::process::ExitCode;

/// Prints the report as a table or as JSON. The exit status reflects the verdict.
///
/// # Errors
///
/// If the report can't be written as JSON.
pub fn run(system: &System, all: bool, json: bool) -> Result<ExitCode> {
    let report = match collect(system, Release::running().ok().as_ref(), all) {
        Ok(report) => report,
        Err(error) => {
            tell(format_args!("{error:#}"));
            return Ok(ExitCode::from(Verdict::Unknown.code()));
        }
    };
    if json {
        print(serde_json::to_string_pretty(&report)?)?;
    } else {
        let has_dkms = system.program("dkms").is_some();
        print(table::text(&report, has_dkms).trim_end())?;
    }
    Ok(ExitCode::from(report.verdict.code()))
}

fn collect(system: &System, running: Option<&Release>, all: bool) -> Result<Report> {
    let next_boot = next_boot::find(system);
    let signer = Signer::find(system);
    let packages = packages::find(system);
    let kernels: Vec<KernelReport> = Release::installed(system)?
        .iter()
        .filter(|release| all || release.is_installed(system))
        .map(|release| {
            let runs = running == Some(release);
            kernel(system, release, runs, &next_boot, &signer, &packages)
        })
        .collect();
    Ok(Report {
        schema: SCHEMA,
        verdict: verdict(&next_boot, &kernels),
        next_boot,
        signing: signer.report,
        kernels,
    })
}

/// Whether the module that modprobe would load was built against the headers that are installed
/// now. Returns `None` if there is no module, or if the module does not say.
pub fn fits(system: &System, release: &Release, module: &str) -> Option<bool> {
    let file = files::taken(system, release, module)?;
    let built = ModuleFile::read(&file).ok()?.built?;
    let headers = Headers::find(system, release)?;
    Some(info::parse(&built)?.headers == headers.fingerprint)
}

fn kernel(
    system: &System,
    release: &Release,
    running: bool,
    next_boot: &NextBoot,
    signer: &Signer,
    packages: &[Package],
) -> KernelReport {
    let plan = Plan::of(system, release);
    let (plan, refusal) = (plan.as_ref().ok(), plan.as_ref().err());
    let reason = refusal.map(|refusal| &*refusal.reason);
    let mend = refusal.and_then(|refusal| refusal.mend.as_deref());
    let place = Place {
        system,
        release,
        running,
        refusal: reason.map(|reason| (reason, mend)),
        headers: Headers::find(system, release),
        signer,
    };
    let modules = packages.iter().flat_map(|package| {
        let look = |name: &String| module::look(&place, package, name);
        package.modules.iter().map(look)
    });
    KernelReport {
        kernel: release.to_string(),
        running,
        next_boot: next_boot.kernel.as_deref() == Some(release.as_str()),
        buildable: plan.is_some(),
        class: plan.map(|plan| plan.class),
        way: plan.map(|plan| plan.way),
        rustc: plan.map(|plan| plan.rustc.version.clone()),
        metadata: plan.map(|plan| plan.tree.origin()),
        reason: reason.map(str::to_owned),
        mend: mend.map(str::to_owned),
        modules: modules.collect(),
    }
}

/// Combines the kernels into one verdict. A kernel that modules cannot be built for does no harm as
/// long as it has all of them.
fn verdict(next_boot: &NextBoot, kernels: &[KernelReport]) -> Verdict {
    let missing = |kernel: &KernelReport| {
        let modules = &kernel.modules;
        modules.iter().any(|module| !module.problems.is_empty())
            || modules.is_empty() && !kernel.buildable
    };
    let unknown = |kernel: &KernelReport| {
        let mut modules = kernel.modules.iter();
        modules.any(|module| module.loadable.is_none() || module.at_boot.is_none())
    };
    // The kernel of the next boot has no directory, so it has no modules at all.
    let gone = next_boot.kernel.is_some() && !kernels.iter().any(|kernel| kernel.next_boot);
    if gone || kernels.iter().any(missing) {
        Verdict::Missing
    } else if kernels.is_empty() || kernels.iter().any(unknown) {
        Verdict::Unknown
    } else {
        Verdict::Well
    }
}

#[cfg(test)]
mod tests;
