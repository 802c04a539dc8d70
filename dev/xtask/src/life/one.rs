// SPDX-License-Identifier: GPL-2.0-only

//! Runs one case: its steps, in its own root.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};

use crate::debian::chroot::Chroot;
use crate::host::ui;
use crate::life::cases::case::{Case, Start, Step, Which};

use super::look::{self, Look};
use super::stock::{STEPS, Stock};

/// The result of a case's steps.
pub struct Done {
    /// The guests to boot.
    pub looks: Vec<Look>,
    /// How long the steps took, in seconds.
    pub seconds: f64,
    /// What went wrong.
    pub failure: Option<anyhow::Error>,
}

/// Runs the steps, and packs the guests to boot. `installed` is the layer of [`Start::Installed`].
pub fn run(stock: &Stock<'_>, installed: &Path, case: &Case, boots: bool) -> Done {
    let mut done = Done {
        looks: Vec::new(),
        seconds: 0.0,
        failure: None,
    };
    done.failure = steps(stock, installed, case, boots, &mut done).err();
    done
}

fn steps(
    stock: &Stock<'_>,
    installed: &Path,
    case: &Case,
    boots: bool,
    done: &mut Done,
) -> Result<()> {
    let chroot = match case.start {
        Start::Installed => stock.open_over(installed)?,
        start => stock.open(start)?,
    };
    for step in case.steps {
        let begin = Instant::now();
        let went = run_step(stock, &chroot, case, step);
        done.seconds += begin.elapsed().as_secs_f64();
        went.with_context(|| format!("`{}`", step.line))?;
        let releases: Vec<&str> = step
            .boots
            .iter()
            .filter_map(|which| release(stock, *which))
            .collect();
        if boots && !releases.is_empty() {
            done.looks
                .extend(look::pack(stock.project, &chroot, &releases)?);
        }
    }
    Ok(())
}

fn release<'a>(stock: &'a Stock<'_>, which: Which) -> Option<&'a str> {
    match which {
        Which::Old => Some(&stock.old.release),
        Which::New => Some(&stock.new.release),
        Which::Before => stock.before.as_ref().map(|kernel| &*kernel.release),
    }
}

fn run_step(stock: &Stock<'_>, chroot: &Chroot, case: &Case, step: &Step) -> Result<()> {
    let fault = case.fault.map_or(String::new(), |fault| {
        format!(
            "broken() {{ {}; }}; mended() {{ {}; }}; ",
            fault.breaks, fault.mends
        )
    });
    let output = chroot
        .sh(&format!(". {STEPS}; {fault}{}", step.line))
        .log(&stock.project.log(&format!("life-{}", case.name))?)
        .try_run()?;
    let lines = output.text.lines();
    for figure in lines.filter_map(|line| line.strip_prefix("figure: ")) {
        ui::say(&format!("  {figure}"));
    }
    output.must_end_with(step.exit)?;
    let why = case.fault.filter(|_| step.says_why);
    for says in step
        .says
        .iter()
        .chain(why.iter().flat_map(|fault| fault.says))
    {
        output.must_say(says)?;
    }
    Ok(())
}
