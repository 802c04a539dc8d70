// SPDX-License-Identifier: GPL-2.0-only

//! Checks of this workspace that cargo runs.

use std::env;
use std::path::PathBuf;

use anyhow::Result;

use crate::host::cargo::cargo;
use crate::host::project::Project;
use crate::host::run::Cmd;
use crate::host::ui;

use super::tally::Tally;

/// A cargo command, and the component that it needs, if that is not always installed.
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
    // The API documentation of the tool, as `make doc` renders it.
    Check {
        name: "host/doc",
        args: &[
            "rustdoc",
            "--locked",
            "--package",
            "dkms-rust",
            "--lib",
            "--",
            "--document-private-items",
            "-Arustdoc::private-intra-doc-links",
            "-Dwarnings",
        ],
        component: None,
    },
    // Checks licences, the origin of crates, and whose build scripts may run.
    Check {
        name: "host/deny",
        args: &[
            "deny",
            "--workspace",
            "--locked",
            "check",
            "licenses",
            "bans",
            "sources",
        ],
        component: Some(DENY),
    },
];

/// A third-party cargo command, which takes minutes to compile.
const DENY: &str = "deny";

/// Runs the unit tests, and the checks whose tools are installed. With `all`, installs cargo-deny
/// into the cache first.
pub fn run(project: &Project, all: bool, tally: &mut Tally) {
    if all && !has(project, DENY) {
        let installed = ui::step("install cargo-deny", || install(project));
        if let Err(error) = installed {
            tally.fail("host/deny", &format!("{error:#}"));
        }
    }
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
            with_tools(project, cargo(project).args(check.args))?
                .log(&log)
                .run()
                .map(drop)
        });
    }
    miri(project, tally);
}

/// Runs the model of what open files share (`dev/model`) under Miri, which needs a nightly
/// toolchain from rustup. Each seed selects a thread schedule, and which addresses are reused.
fn miri(project: &Project, tally: &mut Tally) {
    const NAME: &str = "host/miri";
    const INSTALL: &str =
        "toolchain install nightly --profile minimal --component miri,rust-src --no-self-update";
    const FLAGS: &str = "-Zmiri-many-seeds=0..16 -Zmiri-permissive-provenance \
        -Zmiri-address-reuse-rate=1.0 -Zmiri-address-reuse-cross-thread-rate=1.0";
    let rustup = |args: &str| Cmd::new("rustup").args(args.split(' '));
    // Use a nightly that is installed already, so that this works without network.
    let has_it = rustup("run nightly cargo miri --version").run().is_ok();
    if !has_it {
        if let Err(error) = rustup(INSTALL).run() {
            tally.skip(NAME, &format!("no nightly with Miri: {error:#}"));
            return;
        }
    }
    tally.case(NAME, || {
        rustup("run nightly cargo miri test --locked --package model --lib")
            .dir(&project.source)
            .env("MIRIFLAGS", FLAGS)
            .env("CARGO_TARGET_DIR", project.target.join("miri"))
            // Set by the cargo that runs this program.
            .env_remove("RUSTUP_TOOLCHAIN")
            .env_remove("CARGO")
            .env_remove("RUSTC")
            .log(&project.log("host-miri")?)
            .run()
            .map(drop)
    });
}

fn has(project: &Project, component: &str) -> bool {
    let asked = with_tools(project, cargo(project).args([component, "--version"]));
    asked.and_then(Cmd::run).is_ok()
}

/// Returns the directory in which cargo commands for these checks are installed.
fn tools(project: &Project) -> Result<PathBuf> {
    project.cached("tools")
}

fn install(project: &Project) -> Result<()> {
    cargo(project)
        .args(["install", "--locked", "cargo-deny", "--root"])
        .arg(tools(project)?)
        .log(&project.log("host-deny-install")?)
        .run()
        .map(drop)
}

/// Adds these tools to PATH, in which cargo looks for its commands.
fn with_tools(project: &Project, cargo: Cmd) -> Result<Cmd> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = [tools(project)?.join("bin")]
        .into_iter()
        .chain(env::split_paths(&path));
    Ok(cargo.env("PATH", env::join_paths(folders)?))
}

/// Runs the unit tests. Each of them counts as one test.
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

/// Parses `test module::name ... ok`.
fn parse(line: &str) -> Option<(&str, &str)> {
    let (name, verdict) = line.strip_prefix("test ")?.rsplit_once(" ... ")?;
    // An ignored test may be followed by a reason.
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
