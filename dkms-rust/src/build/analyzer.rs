// SPDX-License-Identifier: GPL-2.0-only

//! Completes `rust-project.json`, which tells rust-analyzer about the crates. The kernel's script
//! finds a module only if its root is in the same directory as the build file that names its
//! object. This adds all others.

use crate::build::folders::Folders;
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// kbuild's target that writes the file.
pub const TARGET: &str = "rust-analyzer";

/// The name of the file.
const FILE: &str = "rust-project.json";

/// The crate that serves as a template. A module sees the same crates, and this crate itself.
const MODEL: &str = "kernel";

/// Adds the missing crates.
///
/// # Errors
///
/// Returns an error if the file does not have the expected structure, or can't be written.
pub fn complete(folders: &Folders) -> Result<()> {
    let path = folders.output.join(FILE);
    let text =
        fs::read_to_string(&path).with_context(|| format!("can't read {}", path.display()))?;
    let mut project: Value = serde_json::from_str(&text)?;
    let roots = roots(&folders.source);
    add(&mut project, &roots).with_context(|| format!("can't add to {}", path.display()))?;
    fs::write(&path, serde_json::to_string_pretty(&project)?)
        .with_context(|| format!("can't write {}", path.display()))
}

/// Returns the roots of the module's crates: for each object that the build files name, the source
/// file beside it. The kernel's script finds the files in directories below.
fn roots(source: &Path) -> BTreeSet<PathBuf> {
    let files = ["Kbuild", "Makefile"].map(|name| source.join(name));
    let texts = files.map(|file| fs::read_to_string(file).unwrap_or_default());
    let words = texts.iter().flat_map(|text| text.split_whitespace());
    let roots = words.filter_map(|word| {
        let root = source.join(word.strip_suffix(".o")?).with_extension("rs");
        root.is_file().then_some(root)
    });
    roots.collect()
}

fn add(project: &mut Value, roots: &BTreeSet<PathBuf>) -> Result<()> {
    let crates = project.get_mut("crates").and_then(Value::as_array_mut);
    let crates = crates.context("it lists no crates")?;
    let called = |one: &Value, name: &str| one["display_name"] == name;
    let number = crates.iter().position(|one| called(one, MODEL));
    let number = number.context("the kernel crate is not among them")?;
    for root in roots {
        let known = |one: &Value| {
            let module = one["root_module"].as_str();
            module.is_some_and(|module| same(Path::new(module), root))
        };
        if crates.iter().any(known) {
            continue;
        }
        let mut new = crates[number].clone();
        let stem = root.file_stem().unwrap_or_default().to_string_lossy();
        new["display_name"] = json!(stem);
        new["root_module"] = json!(root);
        new["is_workspace_member"] = json!(true);
        if let Some(deps) = new["deps"].as_array_mut() {
            deps.push(json!({ "crate": number, "name": MODEL }));
        }
        if let Some(fields) = new.as_object_mut() {
            // This lists the directories of the kernel crate, which do not belong to the module.
            fields.remove("source");
        }
        crates.push(new);
    }
    Ok(())
}

fn same(a: &Path, b: &Path) -> bool {
    a == b || fs::canonicalize(a).is_ok_and(|a| fs::canonicalize(b).is_ok_and(|b| a == b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_whose_root_is_elsewhere_than_its_kbuild_is_added_once() {
        let dir = tempfile::tempdir().unwrap();
        let source = dir.path().to_path_buf();
        fs::create_dir(source.join("src")).unwrap();
        for root in ["src/hello.rs", "beside.rs", "other.rs"] {
            fs::write(source.join(root), "").unwrap();
        }
        let kbuild = "obj-m := hello.o beside.o\nhello-y := src/hello.o src/layout.o\n";
        fs::write(source.join("Kbuild"), kbuild).unwrap();
        let project = json!({ "crates": [
            { "display_name": "core", "root_module": "/c/lib.rs", "deps": [] },
            { "display_name": "kernel", "root_module": "/k/lib.rs", "cfg": ["A"],
              "source": {}, "deps": [{ "crate": 0, "name": "core" }] },
            { "display_name": "beside", "root_module": source.join("beside.rs"), "deps": [] },
        ]});
        fs::write(source.join(FILE), project.to_string()).unwrap();
        let folders = Folders {
            output: source.clone(),
            source: source.clone(),
        };
        for _ in 0..2 {
            complete(&folders).unwrap();
        }
        let text = fs::read_to_string(source.join(FILE)).unwrap();
        let project: Value = serde_json::from_str(&text).unwrap();
        let crates = project["crates"].as_array().unwrap();
        assert_eq!(crates.len(), 4, "{text}");
        let new = &crates[3];
        assert_eq!(new["display_name"], "hello");
        assert_eq!(new["root_module"], json!(source.join("src/hello.rs")));
        assert_eq!(new["cfg"], json!(["A"]));
        let deps = json!([{ "crate": 0, "name": "core" }, { "crate": 1, "name": "kernel" }]);
        assert_eq!(new["deps"], deps);
        assert!(new.get("source").is_none());
    }

    #[test]
    fn a_file_that_is_not_as_it_is_known_is_left_alone_and_named() {
        for text in ["{}", "{\"crates\": []}", "no"] {
            let dir = tempfile::tempdir().unwrap();
            let source = dir.path().to_path_buf();
            fs::write(source.join(FILE), text).unwrap();
            let folders = Folders {
                output: source.clone(),
                source: source.clone(),
            };
            assert!(complete(&folders).is_err(), "{text}");
            assert_eq!(fs::read_to_string(source.join(FILE)).unwrap(), text);
        }
    }
}
