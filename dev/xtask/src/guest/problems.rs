// SPDX-License-Identifier: GPL-2.0-only

//! Lists why a guest's run counts as failed: its end, its cases, the kernel's complaints.

use crate::guest::outcome::{End, Outcome};
use crate::guest::serial::{Report, Verdict};

/// Returns everything that went wrong in a guest; empty if nothing did.
pub fn of(outcome: &Outcome) -> Vec<String> {
    let mut problems = Vec::new();
    if outcome.end != End::Finished {
        problems.push(outcome.explain());
    }
    let report = Report::read(&outcome.console);
    for case in &report.cases {
        if let Verdict::Failed(why) = &case.verdict {
            problems.push(format!("{}: {why}", case.name));
        }
    }
    for complaint in &report.complaints {
        let case = complaint.case.as_deref().unwrap_or("boot");
        problems.push(format!(
            "the kernel complained during {case}: {}",
            complaint.line
        ));
    }
    problems.extend(report.disagreement());
    if report.cases.is_empty() && problems.is_empty() {
        problems.push("the guest ran no case".into());
    }
    problems
}
