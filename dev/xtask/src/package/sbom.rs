// SPDX-License-Identifier: GPL-2.0-only

//! The third-party code in dkms-rust, as a CycloneDX document: a static program does not record its
//! dependencies. The document has no date and no serial number, so that it is reproducible.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::host::project::Project;
use crate::host::{cargo, files};

/// The main program, and all programs in its package.
const NAME: &str = "dkms-rust";
const PROGRAMS: [&str; 2] = [NAME, "dkms-rust-bindgen"];

/// Cargo's names for the dependencies that are linked in, and for all that are used in the build.
const LINKED: &str = "normal,no-proc-macro";
const ALL: &str = "normal,build";

/// A crate, by its name and version.
type Crate = (String, String);

/// Writes the document to target/assets.
pub fn write(project: &Project) -> Result<()> {
    let lock = files::text(&project.source.join("Cargo.lock"))?;
    let document = document(
        &tree(project, LINKED)?,
        &tree(project, ALL)?,
        &checksums(&lock),
    )?;
    let folder = project.source.join("target/assets");
    files::make_dir(&folder)?;
    let text = serde_json::to_string_pretty(&document)?;
    files::write(&folder.join("dkms-rust.cdx.json"), text + "\n")
}

/// Returns the crates that cargo lists for these kinds of dependencies, with their licences.
fn tree(project: &Project, edges: &str) -> Result<BTreeMap<Crate, String>> {
    let packages = PROGRAMS.iter().flat_map(|name| ["--package", name]);
    let text = cargo::cargo(project)
        .args(["tree", "--locked", "--edges", edges])
        .args(packages)
        .args(["--target", &cargo::host_target()?])
        .args(["--prefix", "none", "--format", "{p}|{l}"])
        .stdout()?;
    let crates: BTreeMap<_, _> = text.lines().filter_map(parse).collect();
    ensure!(
        crates.keys().any(|(name, _)| name == NAME),
        "cargo tree does not name {NAME} but: {text}"
    );
    Ok(crates)
}

/// Parses a line such as `tar v0.4.46 (proc-macro)|MIT OR Apache-2.0`. Cargo appends `(*)` if it
/// has listed the crate before.
fn parse(line: &str) -> Option<(Crate, String)> {
    let (package, licence) = line.split_once('|')?;
    let mut words = package.split(' ');
    let (name, version) = (words.next()?, words.next()?.strip_prefix('v')?);
    let licence = licence.trim_end_matches(" (*)").replace('/', " OR ");
    Some(((name.to_owned(), version.to_owned()), licence))
}

/// Returns the checksums of the crates in Cargo.lock.
fn checksums(lock: &str) -> BTreeMap<Crate, String> {
    lock.split("[[package]]")
        .filter_map(|package| {
            let field = |name: &str| {
                let value = package.lines().find_map(|line| line.strip_prefix(name))?;
                value.strip_prefix(" = \"")?.strip_suffix('"')
            };
            let found = (field("name")?.to_owned(), field("version")?.to_owned());
            Some((found, field("checksum")?.to_owned()))
        })
        .collect()
}

fn document(
    linked: &BTreeMap<Crate, String>,
    all: &BTreeMap<Crate, String>,
    checksums: &BTreeMap<Crate, String>,
) -> Result<Value> {
    let of = |(name, version): &Crate, kind: &str, licence: &str| {
        let url = format!("pkg:cargo/{name}@{version}");
        json!({
            "type": kind, "bom-ref": url, "name": name, "version": version, "purl": url,
            "licenses": [{ "expression": licence }],
        })
    };
    let own = |(name, _): &&Crate| name == NAME;
    let program = all.keys().find(own).context("the program is in its tree")?;
    let known: BTreeSet<&Crate> = linked.keys().collect();
    let mut components = Vec::new();
    let others = |(name, _): &Crate| !PROGRAMS.contains(&name.as_str());
    for (package, licence) in all.iter().filter(|(package, _)| others(package)) {
        let mut component = of(package, "library", licence);
        let scope = if known.contains(package) {
            "required"
        } else {
            "excluded"
        };
        component["scope"] = scope.into();
        let checksum = checksums
            .get(package)
            .with_context(|| format!("Cargo.lock has no checksum of {package:?}"))?;
        component["hashes"] = json!([{ "alg": "SHA-256", "content": checksum }]);
        components.push(component);
    }
    Ok(json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": { "component": of(program, "application", &all[program]) },
        "components": components,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = "version = 4\n\n[[package]]\nname = \"tar\"\nversion = \"0.4.46\"\n\
                        source = \"x\"\nchecksum = \"00ff\"\n\n[[package]]\nname = \"own\"\n\
                        version = \"1\"\n\n[[package]]\nname = \"syn\"\nversion = \"2.0.1\"\n\
                        checksum = \"11\"\n";

    #[test]
    fn what_is_linked_is_told_from_what_only_compiles() {
        let crates = |lines: &[&str]| lines.iter().filter_map(|line| parse(line)).collect();
        let linked = [
            "dkms-rust v0.1.0 (/x)|GPL-2.0-only",
            "tar v0.4.46|MIT/Apache-2.0",
        ];
        let all = [&linked[..], &["syn v2.0.1|MIT (*)", ""]].concat();
        let document = document(&crates(&linked), &crates(&all), &checksums(LOCK)).unwrap();
        let components = document["components"].as_array().unwrap();
        let field = |name: &str| {
            components
                .iter()
                .map(|of| of[name].as_str().unwrap())
                .collect()
        };
        let (names, scopes): (Vec<_>, Vec<_>) = (field("purl"), field("scope"));
        assert_eq!(names, ["pkg:cargo/syn@2.0.1", "pkg:cargo/tar@0.4.46"]);
        assert_eq!(scopes, ["excluded", "required"]);
        assert_eq!(
            components[1]["licenses"][0]["expression"],
            "MIT OR Apache-2.0"
        );
        assert_eq!(components[1]["hashes"][0]["content"], "00ff");
        assert_eq!(document["metadata"]["component"]["name"], "dkms-rust");
    }

    #[test]
    fn a_crate_that_nothing_holds_is_an_error() {
        let line = parse("other v1|MIT").unwrap();
        let own = parse("dkms-rust v0.1.0|GPL-2.0-only").unwrap();
        let all = BTreeMap::from([line, own]);
        assert!(document(&all, &all, &checksums(LOCK)).is_err());
    }
}
