// SPDX-License-Identifier: GPL-2.0-only

//! Linked modules: finds the C functions that get arguments which only Rust code can format.

use crate::build::link_runtime;
use anyhow::{Context, Result};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Returns the C functions that get a `fmt::Arguments` from the crates (with the format `%pA`) and
/// for which the runtime has no replacement. The kernel's own code can't format it, because another
/// rustc compiled that code.
///
/// # Errors
///
/// Returns an error if a file can't be read.
pub fn unknown(tree: &Path) -> Result<Vec<String>> {
    let interface = Interface::of(tree)?;
    let variadic: BTreeSet<&str> = interface.variadic().collect();
    let mut found = BTreeSet::new();
    rust_files(&tree.join("rust/kernel"), &mut |text| {
        found.extend(formatters(text).into_iter().map(str::to_owned));
    })?;
    let unknown = |name: &String| {
        variadic.contains(name.as_str()) && !link_runtime::WRAPPED.contains(&name.as_str())
    };
    Ok(found.into_iter().filter(unknown).collect())
}

/// Returns the C functions to which a file may pass the format `%pA`. These are the functions that
/// have it in their arguments. If it also occurs elsewhere, these are all functions that the file
/// calls.
fn formatters(text: &str) -> Vec<&str> {
    const FORMAT: &str = "%pA";
    let code = |line: &&str| !line.trim_start().starts_with("//");
    let lines = text.lines().filter(code);
    let formats = lines.map(|line| line.matches(FORMAT).count()).sum();
    if formats == 0 {
        return Vec::new();
    }
    let calls: Vec<(&str, usize)> = text
        .split("bindings::")
        .skip(1)
        .map(|rest| {
            let name = identifier(rest);
            let end = rest.find(';').unwrap_or(rest.len());
            (name, rest[name.len()..end].matches(FORMAT).count())
        })
        .collect();
    let all = calls.iter().map(|(_, count)| count).sum::<usize>() < formats;
    let handed = |(_, count): &&(&str, usize)| all || *count > 0;
    calls.iter().filter(handed).map(|(name, _)| *name).collect()
}

/// The C functions that the bindings declare.
pub struct Interface(String);

impl Interface {
    /// Reads the bindings of a tree.
    ///
    /// # Errors
    ///
    /// Returns an error if the bindings can't be read.
    pub fn of(tree: &Path) -> Result<Self> {
        let path = tree.join("rust/bindings/bindings_generated.rs");
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        Ok(Self(text))
    }

    /// Returns the names of all functions.
    pub fn functions(&self) -> impl Iterator<Item = &str> {
        self.declarations().map(identifier)
    }

    /// Returns the names of the functions with variable arguments.
    fn variadic(&self) -> impl Iterator<Item = &str> {
        let is_variadic = |text: &&str| text.split(';').next().is_some_and(|it| it.contains("..."));
        self.declarations().filter(is_variadic).map(identifier)
    }

    /// Returns the text of each declaration, from the function's name on.
    fn declarations(&self) -> impl Iterator<Item = &str> {
        self.0.split("pub fn ").skip(1)
    }
}

fn identifier(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    &text[..end.unwrap_or(text.len())]
}

fn rust_files(folder: &Path, see: &mut impl FnMut(&str)) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            rust_files(&path, see)?;
        } else if path.extension().is_some_and(|end| end == "rs") {
            let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            see(&text);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_that_is_handed_arguments_to_format_and_is_not_ours_is_found() {
        let tree = tempfile::tempdir().unwrap();
        for folder in ["kernel", "bindings"] {
            fs::create_dir_all(tree.path().join("rust").join(folder)).unwrap();
        }
        // As bindgen writes it without rustfmt.
        let bindings = "pub fn _printk (fmt : * const i8 , ...) -> i32 ; \
                        pub fn _new_printk (fmt : * const i8 , ...) -> i32 ; \
                        pub fn unused (...) ; pub fn other (a : i32) -> i32 ;";
        let file = tree.path().join("rust/bindings/bindings_generated.rs");
        fs::write(file, bindings).unwrap();
        let interface = Interface::of(tree.path()).unwrap();
        let functions: Vec<_> = interface.functions().collect();
        assert_eq!(functions, ["_printk", "_new_printk", "unused", "other"]);
        let text = "fn p() { bindings::_printk(c\"%pA\"); bindings::_new_printk(c\"%pA\"); \
                    bindings::other(1); }\n";
        fs::write(tree.path().join("rust/kernel/print.rs"), text).unwrap();
        fs::write(
            tree.path().join("rust/kernel/a.rs"),
            "bindings::unused(c\"%d\")",
        )
        .unwrap();
        let found = unknown(tree.path()).unwrap();
        assert_eq!(found, ["_new_printk"]);
    }

    #[test]
    fn only_the_call_that_has_the_format_hands_it_on() {
        let printk = "bindings::_printk(c\"\\x013%pA\".as_char_ptr(), core::ptr::from_ref(&args));";
        let other = "// Not %pA.\nbindings::kunit_fail(core::ptr::null::<c_char>());";
        assert_eq!(formatters(&format!("{printk}\n{other}")), ["_printk"]);
        assert!(formatters(other).is_empty());
        // A format that is stored elsewhere may go to any function.
        let kept = format!("const FORMAT: &str = \"%pA\";\n{printk}\n{other}");
        assert_eq!(formatters(&kept), ["_printk", "kunit_fail"]);
    }
}
