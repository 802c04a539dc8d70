// SPDX-License-Identifier: GPL-2.0-only

//! `dkms-rust status`: every kernel, and the Rust modules that DKMS has for it.

use crate::class::Class;
use crate::commands::metadata;
use crate::plan::Plan;
use crate::release::Release;
use crate::system::System;
use anyhow::Result;
use serde::Serialize;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

/// A kernel's line.
#[derive(Debug, Serialize)]
struct Line {
    kernel: String,
    running: bool,
    /// Whether modules can be built for it.
    buildable: bool,
    class: Option<Class>,
    rustc: Option<String>,
    metadata: Option<&'static str>,
    reason: Option<String>,
    mend: Option<String>,
    modules: Vec<Module>,
}

/// One module of one DKMS package, for one kernel.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Module {
    package: String,
    version: String,
    module: String,
    built: bool,
    installed: bool,
    loaded: bool,
}

/// A module of a DKMS package that is built by dkms-rust.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Source {
    package: String,
    version: String,
    module: String,
}

/// Prints the table. Exit status: 0 if every kernel has every module, 1 if not, 2 if it could not
/// tell.
///
/// # Errors
///
/// If the table can't be written as JSON.
pub fn run(system: &System, all: bool, json: bool) -> Result<ExitCode> {
    let lines = match collect(system, all) {
        Ok(lines) => lines,
        Err(error) => {
            eprintln!("dkms-rust: {error:#}");
            return Ok(ExitCode::from(2));
        }
    };
    if json {
        println!("{}", serde_json::to_string_pretty(&lines)?);
    } else {
        print!("{}", table(&lines));
    }
    let well = lines
        .iter()
        .all(|line| line.buildable && line.modules.iter().all(|module| module.installed));
    Ok(ExitCode::from(u8::from(!well)))
}

fn collect(system: &System, all: bool) -> Result<Vec<Line>> {
    let running = Release::running().ok();
    let sources = sources(&system.dkms());
    let mut lines = Vec::new();
    for release in system.releases()? {
        let folder = system.modules().join(release.as_str());
        let kernel = folder.join("kernel").is_dir() || folder.join("build").exists();
        if !all && !kernel {
            continue;
        }
        let runs = running.as_ref() == Some(&release);
        let modules = sources
            .iter()
            .map(|source| look(system, &release, source, runs))
            .collect();
        lines.push(line(&release, Plan::of(system, &release), runs, modules));
    }
    Ok(lines)
}

fn line(
    release: &Release,
    plan: Result<Plan, crate::refusal::Refusal>,
    running: bool,
    modules: Vec<Module>,
) -> Line {
    let kernel = release.to_string();
    match plan {
        Ok(plan) => Line {
            kernel,
            running,
            buildable: true,
            class: Some(plan.class),
            metadata: Some(metadata(&plan.tree)),
            rustc: Some(plan.rustc.version),
            reason: None,
            mend: None,
            modules,
        },
        Err(refusal) => Line {
            kernel,
            running,
            buildable: false,
            class: None,
            metadata: None,
            rustc: None,
            reason: Some(refusal.reason),
            mend: refusal.mend,
            modules,
        },
    }
}

/// DKMS's packages whose `dkms.conf` calls dkms-rust.
fn sources(dkms: &Path) -> Vec<Source> {
    let folders = |path: &Path| -> Vec<String> {
        let entries = fs::read_dir(path).into_iter().flatten().flatten();
        let mut names: Vec<_> = entries
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect();
        names.sort();
        names
    };
    let mut found = Vec::new();
    for package in folders(dkms) {
        for version in folders(&dkms.join(&package)) {
            let conf = dkms.join(&package).join(&version).join("source/dkms.conf");
            let Ok(conf) = fs::read_to_string(conf) else {
                continue;
            };
            if conf
                .lines()
                .any(|line| !line.trim_start().starts_with('#') && line.contains("dkms-rust"))
            {
                let sources = module_names(&conf, &package)
                    .into_iter()
                    .map(|module| Source {
                        package: package.clone(),
                        version: version.clone(),
                        module,
                    });
                found.extend(sources);
            }
        }
    }
    found
}

/// The names that a `dkms.conf` gives its modules; the package's if it gives none.
fn module_names(conf: &str, package: &str) -> Vec<String> {
    let names: Vec<_> = conf
        .lines()
        .filter_map(|line| line.trim().strip_prefix("BUILT_MODULE_NAME"))
        .filter_map(|rest| {
            Some(
                rest.split_once('=')?
                    .1
                    .trim_matches(['"', '\'', ' '])
                    .to_owned(),
            )
        })
        .collect();
    if names.is_empty() {
        vec![package.to_owned()]
    } else {
        names
    }
}

fn look(system: &System, release: &Release, source: &Source, running: bool) -> Module {
    let Source {
        package,
        version,
        module,
    } = source.clone();
    let state = system
        .dkms()
        .join(&package)
        .join(&version)
        .join(release.as_str());
    let arches = fs::read_dir(state).into_iter().flatten().flatten();
    let built = arches
        .map(|arch| arch.path().join("module"))
        .any(|dir| has(&dir, &module));
    let updates = system.modules().join(release.as_str()).join("updates");
    let installed = has(&updates.join("dkms"), &module) || has(&updates, &module);
    let loaded = running && system.loaded().join(module.replace('-', "_")).is_dir();
    Module {
        package,
        version,
        module,
        built,
        installed,
        loaded,
    }
}

/// Whether a folder has the module, compressed or not.
fn has(folder: &Path, module: &str) -> bool {
    ["ko", "ko.xz", "ko.zst", "ko.gz"]
        .iter()
        .any(|end| folder.join(format!("{module}.{end}")).is_file())
}

fn table(lines: &[Line]) -> String {
    let mut rows = vec![["KERNEL", "CLASS", "RUSTC", "METADATA", "MODULES"].map(str::to_owned)];
    for line in lines {
        let running = if line.running { " (running)" } else { "" };
        rows.push([
            format!("{}{running}", line.kernel),
            line.class.map_or("-".into(), |class| class.to_string()),
            line.rustc.as_deref().map_or("-".into(), number),
            line.metadata.unwrap_or("-").into(),
            line.modules
                .iter()
                .map(describe)
                .collect::<Vec<_>>()
                .join("; "),
        ]);
    }
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let widths = [width(0), width(1), width(2), width(3)];
    let mut text = String::new();
    for (number, row) in rows.iter().enumerate() {
        for (cell, width) in row.iter().zip(widths) {
            text.push_str(&format!("{cell:width$}  "));
        }
        text.push_str(&format!("{}\n", row[4]));
        let line = number.checked_sub(1).and_then(|number| lines.get(number));
        for (label, note) in line
            .into_iter()
            .flat_map(|line| [("", &line.reason), ("mend: ", &line.mend)])
        {
            if let Some(note) = note {
                text.push_str(&format!("    {label}{note}\n"));
            }
        }
    }
    text
}

/// `1.85.1` of `rustc 1.85.1 (4eb161250 2025-03-15)`.
fn number(version: &str) -> String {
    version.split(' ').nth(1).unwrap_or(version).to_owned()
}

fn describe(module: &Module) -> String {
    let state = match (module.installed, module.built, module.loaded) {
        (true, _, true) => "installed, loaded",
        (true, _, false) => "installed",
        (false, true, _) => "built, not installed",
        (false, false, _) => "missing",
    };
    format!(
        "{}/{} {}: {state}",
        module.package, module.version, module.module
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dkms(root: &Path, conf: &str) -> System {
        let source = root.join("var/lib/dkms/procdriver/0.1.0/source");
        fs::create_dir_all(&source).unwrap();
        fs::write(source.join("dkms.conf"), conf).unwrap();
        System::below(root)
    }

    const CONF: &str =
        "BUILT_MODULE_NAME[0]=\"procDriver\"\nMAKE[0]=\"dkms-rust make -k $kernelver\"\n";

    #[test]
    fn only_packages_that_call_dkms_rust_count() {
        let root = tempfile::tempdir().unwrap();
        let system = dkms(root.path(), CONF);
        let found = sources(&system.dkms());
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].module, "procDriver");

        dkms(root.path(), "# not dkms-rust\nMAKE[0]=\"make\"\n");
        assert_eq!(sources(&system.dkms()), []);
    }

    #[test]
    fn a_module_is_missing_then_built_then_installed() {
        let root = tempfile::tempdir().unwrap();
        let system = dkms(root.path(), CONF);
        let release: Release = "7.3.4-amd64".parse().unwrap();
        let source = &sources(&system.dkms())[0];
        let state = || {
            let module = look(&system, &release, source, false);
            (module.built, module.installed)
        };
        assert_eq!(state(), (false, false));

        let module = system
            .dkms()
            .join("procdriver/0.1.0/7.3.4-amd64/x86_64/module");
        fs::create_dir_all(&module).unwrap();
        fs::write(module.join("procDriver.ko.xz"), "").unwrap();
        assert_eq!(state(), (true, false));

        let updates = system.modules().join("7.3.4-amd64/updates/dkms");
        fs::create_dir_all(&updates).unwrap();
        fs::write(updates.join("procDriver.ko.xz"), "").unwrap();
        assert_eq!(state(), (true, true));
    }
}
