// SPDX-License-Identifier: GPL-2.0-only

//! A build for one kernel, by dkms.

use super::dkms::run;
use super::logs;
use super::records::Records;
use super::say::Voice;
use super::source::Source;
use crate::build::plan::{Plan, Tree};
use crate::kernel::refusal::Refusal;
use crate::kernel::release::Release;
use crate::status::outcomes::Outcome;
use crate::system::System;
use anyhow::Result;

/// What makes a kernel's build tree ready, where that takes long.
pub type Long = Option<Box<dyn FnOnce(&System) -> Result<()>>>;

/// Says whether a kernel can be built for, and what has to be done first.
pub type Planner = fn(&System, &Release) -> Result<Long, Refusal>;

/// The plan for a kernel, as `check` and `make` have it.
///
/// # Errors
///
/// The refusal.
pub fn plan(system: &System, release: &Release) -> Result<Long, Refusal> {
    let plan = Plan::of(system, release)?;
    Ok(match plan.tree {
        Tree::Rebuild(_) => Some(Box::new(move |system| plan.ready(system, None).map(drop))),
        Tree::Own(_) | Tree::Kept(_) => None,
    })
}

/// Builds what is in `/usr/src` now, whatever was built before. The module that is installed stays
/// where it is until the new one is there. `before` is what became of it the last time.
pub fn build(
    system: &System,
    planner: Planner,
    voice: &Voice,
    source: &Source,
    release: &Release,
    before: Option<&Outcome>,
    quiet: bool,
) -> Outcome {
    let long = match planner(system, release) {
        Ok(long) => long,
        Err(refusal) => {
            let outcome = Outcome::Refused {
                why: refusal.reason.clone(),
                mend: refusal.mend.clone(),
                told: true,
            };
            // Whoever was told once is not told each time that something arrives in /usr/src.
            if !quiet || before != Some(&outcome) {
                voice.say(format!("not built for {release}:"));
                voice.quote(format!("dkms-rust: {refusal}"));
            }
            return outcome;
        }
    };
    voice.say(format!("building for {release}"));
    if let Some(long) = long {
        // By itself, since it says how far it is. dkms would hide that.
        if let Err(error) = long(system) {
            let said = format!("{error:#}");
            voice.say(format!("not built for {release}, there is no build tree:"));
            voice.quote(&said);
            return Outcome::Failed {
                why: said.lines().next().unwrap_or_default().to_owned(),
                log: None,
            };
        }
    }
    let records = Records::of(system, &source.name);
    let kernel = ["-k", release.as_str()];
    // depmod reads every module of the kernel, which takes longer than the build: once is enough.
    let steps: [(&str, &[&str]); 2] = [
        ("build", &["--force"]),
        ("install", &["--force", "--no-depmod"]),
    ];
    for (action, options) in steps {
        let ended = records.dkms(action, &source.version, &[options, &kernel].concat());
        if ended.well() {
            continue;
        }
        // Of what dkms-rust refuses nothing comes here: it is BUILD_EXCLUSIVE, or a script.
        if action == "build" && ended.code == Some(Refusal::EXIT.into()) {
            let outcome = Outcome::Excluded {
                version: source.version.clone(),
            };
            if !quiet || before != Some(&outcome) {
                voice.say(format!("left out for {release}, as its dkms.conf says"));
            }
            return outcome;
        }
        voice.say(format!("not built for {release}, dkms {}:", ended.how()));
        // The compiler's words are in the log; dkms itself says little more than where that is.
        let log = system.dkms().join(&source.name).join(&source.version);
        let log = log.join("build/make.log");
        let text = std::fs::read(&log).unwrap_or_default();
        voice.quote(logs::first_error(&String::from_utf8_lossy(&text)).join("\n"));
        voice.quote(ended.last(3));
        let (why, log) = logs::keep(system, &source.name, release, &log);
        let why = if text.is_empty() { ended.last(1) } else { why };
        return Outcome::Failed { why, log };
    }
    let depmod = run(system, "depmod", &[release.as_str()]);
    if !depmod.well() {
        voice.say(format!("depmod {} for {release}:", depmod.how()));
        voice.quote(depmod.last(3));
        let why = format!("depmod {}", depmod.how());
        return Outcome::Failed { why, log: None };
    }
    logs::drop(system, &source.name, release);
    voice.say(format!("built for {release}"));
    Outcome::Built {
        version: source.version.clone(),
    }
}
