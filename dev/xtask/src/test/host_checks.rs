// SPDX-License-Identifier: GPL-2.0-only

//! What cargo itself can say about this workspace.

use anyhow::Result;

use crate::host::cargo::cargo;
use crate::host::project::Project;
use crate::host::ui;

use super::tally::Tally;

/// A cargo command, and the component that it comes with where that is not always installed.
struct Check {
    name: &'static str,
    args: &'static [&'static str],
    component: Option<&'static str>,
}

const CHECKS: &[Check] = &[
    Check {
        name: "host/format",
        args: &["fmt", "--all", "--check"],
        component: Some("fmt"),
    },
    Check {
        name: "host/clippy",
        args: &[
            "clippy",
            "--locked",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ],
        component: Some("clippy"),
    },
];

/// Runs the unit tests, and what else is installed.
pub fn run(project: &Project, tally: &mut Tally) {
    if let Err(error) = unit_tests(project, tally) {
        tally.fail("host/unit-tests", &format!("{error:#}"));
    }
    for check in CHECKS {
        if let Some(component) = check.component.filter(|component| !has(project, component)) {
            tally.skip(check.name, &format!("cargo {component} is not installed"));
            continue;
        }
        tally.case(check.name, || {
            let log = project.log(&check.name.replace('/', "-"))?;
            cargo(project).args(check.args).log(&log).run().map(drop)
        });
    }
}

fn has(project: &Project, component: &str) -> bool {
    cargo(project).args([component, "--version"]).run().is_ok()
}

/// Every unit test counts one.
fn unit_tests(project: &Project, tally: &mut Tally) -> Result<()> {
    let what = "run the unit tests";
    let output = ui::step(what, || {
        cargo(project)
            .args(["test", "--locked", "--workspace", "--no-fail-fast"])
            .log(&project.log("host-unit-tests")?)
            .try_run()
    })?;
    let mut ran = 0;
    for line in output.text.lines() {
        let Some((name, verdict)) = parse(line) else {
            continue;
        };
        ran += 1;
        match verdict {
            "ok" => tally.pass(&format!("unit/{name}")),
            "ignored" => tally.skip(&format!("unit/{name}"), "marked #[ignore]"),
            _ => tally.fail(&format!("unit/{name}"), "see host-unit-tests.log"),
        }
    }
    if ran == 0 || !output.status.success() {
        output.must_succeed("cargo test")?;
        anyhow::bail!("cargo test ran no test at all");
    }
    Ok(())
}

/// `test module::name ... ok`
fn parse(line: &str) -> Option<(&str, &str)> {
    let (name, verdict) = line.strip_prefix("test ")?.rsplit_once(" ... ")?;
    // A test can be ignored with a reason behind it.
    let verdict = verdict.split([',', ' ']).next()?;
    matches!(verdict, "ok" | "FAILED" | "ignored").then_some((name, verdict))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_unit_tests_are_read() {
        assert_eq!(parse("test a::b ... ok"), Some(("a::b", "ok")));
        assert_eq!(parse("test a::b ... FAILED"), Some(("a::b", "FAILED")));
        assert_eq!(
            parse("test a::b ... ignored, slow"),
            Some(("a::b", "ignored"))
        );
        assert_eq!(parse("test result: ok. 3 passed; 0 failed"), None);
    }
}
