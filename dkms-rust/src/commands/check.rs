// SPDX-License-Identifier: GPL-2.0-only

//! `dkms-rust check`: says whether modules can be built for a kernel.

use crate::build::plan::Plan;
use crate::build::way::Way;
use crate::kernel::class::Class;
use crate::kernel::refusal::Refusal;
use crate::kernel::release::Release;
use crate::system::System;
use crate::system::confine;
use crate::system::print::{print, tell};
use anyhow::Result;
use serde::Serialize;
use std::process::ExitCode;

/// The answer of `check` as JSON.
#[derive(Serialize)]
struct Report<'a> {
    kernel: &'a str,
    buildable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    class: Option<Class>,
    #[serde(skip_serializing_if = "Option::is_none")]
    way: Option<Way>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rustc: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'static str>,
    confined: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mend: Option<&'a str>,
}

/// Prints the answer.
///
/// # Errors
///
/// Returns an error if the answer can't be written as JSON.
pub fn run(system: &System, release: &Release, quiet: bool, json: bool) -> Result<ExitCode> {
    let plan = Plan::of(system, release);
    if json {
        print(serde_json::to_string(&report(release, &plan))?)?;
    } else if !quiet {
        match &plan {
            Ok(plan) => print(format_args!(
                "{release}: modules can be built (class {}, {}, {}, metadata {})",
                plan.class,
                plan.way,
                plan.rustc.version,
                plan.tree.origin()
            ))?,
            Err(refusal) => tell(refusal),
        }
    }
    Ok(match plan {
        Ok(_) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(Refusal::EXIT),
    })
}

fn report<'a>(release: &'a Release, plan: &'a Result<Plan, Refusal>) -> Report<'a> {
    let (plan, refusal) = (plan.as_ref().ok(), plan.as_ref().err());
    Report {
        kernel: release.as_str(),
        buildable: plan.is_some(),
        class: plan.map(|plan| plan.class),
        way: plan.map(|plan| plan.way),
        rustc: plan.map(|plan| plan.rustc.version.as_str()),
        metadata: plan.map(|plan| plan.tree.origin()),
        confined: confine::possible().as_str(),
        reason: refusal.map(|refusal| refusal.reason.as_str()),
        mend: refusal.and_then(|refusal| refusal.mend.as_deref()),
    }
}
