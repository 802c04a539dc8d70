// SPDX-License-Identifier: GPL-2.0-only

//! A build for one kernel, by dkms.

use super::dkms::{Ended, run};
use super::hook::can_install;
use super::logs;
use super::records::Records;
use super::say::Voice;
use super::source::Source;
use crate::build::plan::{Plan, Tree};
use crate::kernel::refusal::Refusal;
use crate::kernel::release::Release;
use crate::status::outcomes::Outcome;
use crate::system::System;
use crate::system::said::first_error;
use anyhow::Result;

/// Makes a kernel's build tree ready.
pub type Work = Box<dyn FnOnce(&System) -> Result<()>>;

/// A kernel that can be built for.
pub struct Planned {
    /// What makes its build tree ready, where that takes long.
    pub long: Option<Work>,
    /// What the tree is made of.
    pub tree: String,
}

/// Says whether a kernel can be built for, and what has to be done first.
pub type Planner = fn(&System, &Release) -> Result<Planned, Refusal>;

/// The plan for a kernel, as `check` and `make` have it.
///
/// # Errors
///
/// The refusal.
pub fn plan(system: &System, release: &Release) -> Result<Planned, Refusal> {
    let plan = Plan::of(system, release)?;
    Ok(Planned {
        tree: plan.identity(system),
        long: match plan.tree {
            Tree::Rebuild(_) => Some(Box::new(move |system| plan.ready(system, None).map(drop))),
            Tree::Own(_) | Tree::Kept(_) => None,
        },
    })
}

/// A build of what is in `/usr/src` now, whatever was built before. The module that is installed
/// stays where it is until the new one is there.
pub struct Build<'a> {
    /// Where.
    pub system: &'a System,
    /// What says whether the kernel can be built for.
    pub planner: Planner,
    /// What tells the administrator.
    pub voice: &'a Voice,
    /// Of this.
    pub source: &'a Source,
    /// For this kernel.
    pub release: &'a Release,
    /// What became of it the last time.
    pub before: Option<&'a Outcome>,
    /// Says only what is new: whoever was told once is not told each time that something arrives in
    /// `/usr/src`.
    pub quiet: bool,
}

impl Build<'_> {
    /// Builds.
    pub fn run(&self) -> Outcome {
        let planned = (self.planner)(self.system, self.release);
        let planned = planned.and_then(|planned| {
            can_install(self.system, self.release)?;
            Ok(planned)
        });
        let planned = match planned {
            Ok(planned) => planned,
            Err(refusal) => return self.refused(&refusal),
        };
        let inputs = self.source.inputs(&planned.tree);
        if let Some(outcome) = self.would_fail_again(&inputs) {
            return outcome;
        }
        self.say("building");
        if let Some(long) = planned.long {
            // By itself, since it says how far it is. dkms would hide that.
            if let Err(error) = long(self.system) {
                return self.no_tree(&error);
            }
        }
        self.by_dkms()
    }

    /// Says what happens for the kernel.
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

    /// What became of it the last time, if that was a failure that only other inputs would end.
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
            // dkms's hook did that, where nobody saw it.
            self.say_not_built(", the build failed", why);
            if let Some(log) = log {
                self.voice.quote(format!("all that was said: {log}"));
            }
        }
        Some(outcome)
    }

    /// There is no build tree; another attempt may be refused with more to say.
    fn no_tree(&self, error: &anyhow::Error) -> Outcome {
        let said = format!("{error:#}");
        let why = said.lines().next().unwrap_or_default();
        let outcome = match (self.planner)(self.system, self.release) {
            Err(refusal) => refused(&refusal),
            Ok(_) => failed(why.to_owned(), None, None),
        };
        self.say_failed(&outcome, ", there is no build tree", &said);
        outcome
    }

    fn say_failed(&self, outcome: &Outcome, how: &str, said: &str) {
        match self.is_news(outcome) {
            true => self.say_not_built(how, said),
            false => self.say(&format!("the same failure again ({})", why(outcome))),
        }
    }

    fn by_dkms(&self) -> Outcome {
        let Self {
            system,
            source,
            release,
            ..
        } = *self;
        let records = Records::of(system, &source.name);
        let kernel = ["-k", release.as_str()];
        // depmod reads every module of the kernel, which takes longer than the build: once is enough.
        let steps: [(&str, &[&str]); 2] = [
            ("build", &["--force"]),
            ("install", &["--force", "--no-depmod"]),
        ];
        for (action, options) in steps {
            let ended = records.dkms(action, &source.version, &[options, &kernel].concat());
            // Of what dkms-rust refuses nothing comes here: it is BUILD_EXCLUSIVE, or a script.
            if action == "build" && ended.code == Some(Refusal::EXIT.into()) {
                return self.excluded();
            }
            if !ended.well() {
                return self.failed(&ended);
            }
        }
        let depmod = run(system, "depmod", &[release.as_str()]);
        if !depmod.well() {
            let why = format!("depmod {}", depmod.how());
            let outcome = failed(why.clone(), None, None);
            self.say_failed(&outcome, &format!(", {why}"), &depmod.last(3));
            return outcome;
        }
        logs::drop(system, &source.name, release);
        self.say("built");
        Outcome::Built {
            version: source.version.clone(),
        }
    }

    fn excluded(&self) -> Outcome {
        let outcome = Outcome::Excluded {
            version: self.source.version.clone(),
        };
        if self.is_news(&outcome) {
            self.voice.say(format!(
                "left out for {}, as its dkms.conf says",
                self.release
            ));
        }
        outcome
    }

    /// dkms failed. The compiler's words are in the log; dkms itself says little more than where
    /// that is.
    fn failed(&self, ended: &Ended) -> Outcome {
        let Self {
            system,
            source,
            release,
            ..
        } = *self;
        let log = system.dkms().join(&source.name).join(&source.version);
        let log = log.join("build/make.log");
        let text = std::fs::read(&log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let first = first_error(&text).join("\n");
        let said = format!("{first}\n{}", ended.last(3));
        let kept = logs::keep(system, &source.name, release, &log);
        let why = match text.is_empty() {
            true => ended.last(1),
            false => kept.why,
        };
        // With the tree that there is now: it may have been made for this.
        let planned = (self.planner)(system, release).ok();
        let inputs = planned.filter(|_| kept.again);
        let inputs = inputs.map(|planned| source.inputs(&planned.tree));
        let outcome = failed(why, kept.log, inputs);
        self.say_failed(&outcome, &format!(", dkms {}", ended.how()), &said);
        outcome
    }
}

/// Why there is no module, in a line.
fn why(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Refused { why, .. } | Outcome::Failed { why, .. } => why,
        Outcome::Built { .. } | Outcome::Excluded { .. } => "",
    }
}

/// That it was refused, and told.
fn refused(refusal: &Refusal) -> Outcome {
    Outcome::Refused {
        why: refusal.reason.clone(),
        mend: refusal.mend.clone(),
        told: true,
    }
}

/// That it failed, and was told.
fn failed(why: String, log: Option<String>, inputs: Option<String>) -> Outcome {
    Outcome::Failed {
        why,
        log,
        inputs,
        told: true,
    }
}
