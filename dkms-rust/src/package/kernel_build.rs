// SPDX-License-Identifier: GPL-2.0-only

//! Builds a package's modules for one kernel, with dkms.

use super::dkms::{Ended, run};
use super::hook::can_install;
use super::logs;
use super::planned::Planner;
use super::records::Records;
use super::say::Voice;
use super::source::DkmsSource;
use crate::build::lasted;
use crate::build::way::Way;
use crate::kernel::refusal::Refusal;
use crate::kernel::release::Release;
use crate::status::outcomes::Outcome;
use crate::system::System;
use crate::system::bounded;
use crate::system::child::interrupted;
use crate::system::said::first_error;

/// Builds the source that is in `/usr/src` now, regardless of what was built before. The installed
/// module stays until the new one replaces it.
pub struct KernelBuild<'a> {
    /// The system.
    pub system: &'a System,
    /// Decides whether the kernel can be built for.
    pub planner: Planner,
    /// Reports to the administrator.
    pub voice: &'a Voice,
    /// The source to build.
    pub source: &'a DkmsSource,
    /// The kernel to build for.
    pub release: &'a Release,
    /// The previous outcome.
    pub before: Option<&'a Outcome>,
    /// Reports only news, so that the administrator does not read the same each time a package
    /// changes something in `/usr/src`.
    pub quiet: bool,
}

impl KernelBuild<'_> {
    /// Builds, and returns the outcome. Returns `None` if it was interrupted: then compilers seem to
    /// be missing and builds fail, which says nothing about the kernel.
    pub fn run(&self) -> Option<Outcome> {
        let planned = (self.planner)(self.system, self.release);
        if interrupted() {
            return None;
        }
        let planned = planned.and_then(|planned| {
            can_install(self.system, self.release)?;
            Ok(planned)
        });
        let planned = match planned {
            Ok(planned) => planned,
            Err(refusal) => return Some(self.refused(&refusal)),
        };
        let inputs = self.source.inputs(&planned.tree);
        if let Some(outcome) = self.would_fail_again(&inputs) {
            return Some(outcome);
        }
        self.say_building(planned.long.as_ref().map(|(way, _)| *way));
        if let Some((_, long)) = planned.long {
            // Do this before dkms runs, because dkms would hide the progress messages.
            if let Err(error) = long(self.system) {
                return (!interrupted()).then(|| self.no_tree(&error));
            }
        }
        self.by_dkms()
    }

    /// Reports what is built, and how long the rebuild took the last time.
    fn say_building(&self, rebuild: Option<Way>) {
        let release = self.release;
        let what = match rebuild {
            Some(way) => {
                let took = match lasted::of(self.system, release, way) {
                    Some(last) if last.release == *release => {
                        format!(", which took {} s the last time", last.seconds)
                    }
                    Some(last) => format!(", which took {} s for {}", last.seconds, last.release),
                    None => String::new(),
                };
                format!("its Rust metadata ({way}){took}, and then the module")
            }
            None => "only the module".to_owned(),
        };
        self.voice.say(format!("building for {release}: {what}"));
    }

    /// Reports what happens for the kernel.
    fn say(&self, what: &str) {
        self.voice.say(format!("{what} for {}", self.release));
    }

    fn refused(&self, refusal: &Refusal) -> Outcome {
        let outcome = refused(refusal);
        if self.is_news(&outcome) {
            self.say_not_built("", &format!("dkms-rust: {refusal}"));
        }
        outcome
    }

    fn is_news(&self, outcome: &Outcome) -> bool {
        !self.quiet || self.before != Some(outcome)
    }

    fn say_not_built(&self, why: &str, said: &str) {
        self.voice
            .say(format!("not built for {}{why}:", self.release));
        self.voice.quote(said);
    }

    /// In a quiet run, returns the previous failure again if the inputs are still the same.
    fn would_fail_again(&self, now: &str) -> Option<Outcome> {
        let Some(Outcome::Failed {
            why, log, inputs, ..
        }) = self.before.filter(|_| self.quiet)
        else {
            return None;
        };
        if inputs.as_deref() != Some(now) {
            return None;
        }
        let outcome = failed(why.clone(), log.clone(), inputs.clone());
        if self.is_news(&outcome) {
            // The build failed in dkms's hook, where nobody saw it.
            self.say_not_built(", the build failed", why);
            if let Some(log) = log {
                self.voice.quote(format!("complete log: {log}"));
            }
        }
        Some(outcome)
    }

    /// Handles a build tree that could not be made. Plans again, because by now there may be a
    /// refusal that explains more.
    fn no_tree(&self, error: &anyhow::Error) -> Outcome {
        let said = format!("{error:#}");
        let why = said.lines().next().unwrap_or_default();
        let outcome = match (self.planner)(self.system, self.release) {
            Err(refusal) => refused(&refusal),
            Ok(_) => failed(why.to_owned(), None, None),
        };
        self.say_failed(&outcome, ", the build tree could not be made", &said);
        outcome
    }

    fn say_failed(&self, outcome: &Outcome, how: &str, said: &str) {
        match self.is_news(outcome) {
            true => self.say_not_built(how, said),
            false => self.say(&format!("the same failure again ({})", why(outcome))),
        }
    }

    fn by_dkms(&self) -> Option<Outcome> {
        let Self {
            system,
            source,
            release,
            ..
        } = *self;
        let records = Records::of(system, &source.name);
        let kernel = ["-k", release.as_str()];
        // One depmod after the install is enough: it reads every module of the kernel, which takes
        // longer than the build.
        let steps: [(&str, &[&str]); 2] = [
            ("build", &["--force"]),
            ("install", &["--force", "--no-depmod"]),
        ];
        for (action, options) in steps {
            let ended = records.dkms(action, &source.version, &[options, &kernel].concat());
            if !ended.well() && interrupted() {
                return None;
            }
            // dkms-rust's own refusals were handled before, so this is BUILD_EXCLUSIVE or a script.
            if action == "build" && ended.code == Some(Refusal::EXIT.into()) {
                return Some(self.excluded());
            }
            if !ended.well() {
                return Some(self.failed(&ended));
            }
        }
        let depmod = run(system, "depmod", &[release.as_str()]);
        if !depmod.well() {
            if interrupted() {
                return None;
            }
            let why = format!("depmod {}", depmod.how());
            let outcome = failed(why.clone(), None, None);
            self.say_failed(&outcome, &format!(", {why}"), &depmod.last(3));
            return Some(outcome);
        }
        logs::drop(system, &source.name, release);
        self.say("built");
        Some(Outcome::Built {
            version: source.version.clone(),
            pending: false,
        })
    }

    fn excluded(&self) -> Outcome {
        let outcome = Outcome::Excluded {
            version: self.source.version.clone(),
        };
        if self.is_news(&outcome) {
            self.voice.say(format!(
                "skipped for {}: its dkms.conf excludes this kernel",
                self.release
            ));
        }
        outcome
    }

    /// Handles a failure of dkms. The compiler's messages are in the log; dkms itself prints little
    /// more than the path of that log.
    fn failed(&self, ended: &Ended) -> Outcome {
        let Self {
            system,
            source,
            release,
            ..
        } = *self;
        let log = system.dkms().join(&source.name).join(&source.version);
        let log = log.join("build/make.log");
        let text = bounded::log(&log);
        let first = first_error(&text).join("\n");
        let said = format!("{first}\n{}", ended.last(3));
        let kept = logs::keep(system, &source.name, release, &log);
        let why = match text.is_empty() {
            true => ended.last(1),
            false => kept.why,
        };
        // Identify the build tree that is there now, because this build may have made it.
        let planned = (self.planner)(system, release).ok();
        let inputs = planned.filter(|_| kept.again);
        let inputs = inputs.map(|planned| source.inputs(&planned.tree));
        let outcome = failed(why, kept.log, inputs);
        self.say_failed(&outcome, &format!(", dkms {}", ended.how()), &said);
        outcome
    }
}

/// Returns the reason why there is no module, on one line.
fn why(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Refused { why, .. } | Outcome::Failed { why, .. } => why,
        Outcome::Built { .. } | Outcome::Excluded { .. } | Outcome::Prebuilt { .. } => "",
    }
}

/// Returns the outcome of a refusal that was reported.
fn refused(refusal: &Refusal) -> Outcome {
    Outcome::Refused {
        why: refusal.reason.clone(),
        mend: refusal.mend.clone(),
        told: true,
    }
}

/// Returns the outcome of a failure that was reported.
fn failed(why: String, log: Option<String>, inputs: Option<String>) -> Outcome {
    Outcome::Failed {
        why,
        log,
        inputs,
        told: true,
    }
}
