// SPDX-License-Identifier: GPL-2.0-only

//! Linked modules: splits a kernel's `rust/helpers` into one source file per helper.
//!
//! The kernel includes all helpers in one file, `helpers.c`. A helper may rely on headers that an
//! earlier one includes. So each source is a copy of `helpers.c` in which each earlier helper is
//! replaced by the headers that it includes, and the later helpers are left out.

use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::Path;

/// The prefix of the sources' names, so that they differ from our own files.
const PREFIX: &str = "helper_";

/// Writes the sources into `folder`. Seen from there, the kernel's directory is `../helpers`.
///
/// # Errors
///
/// Returns an error if there are no helpers, or on read or write errors.
pub fn write(helpers: &Path, folder: &Path) -> Result<()> {
    let read = |name: &str| {
        let path = helpers.join(name);
        fs::read_to_string(&path).with_context(|| path.display().to_string())
    };
    let all = read("helpers.c")?;
    let names: Vec<&str> = all.lines().filter_map(included).collect();
    ensure!(!names.is_empty(), "{} has no helpers", helpers.display());
    let mut headers = Vec::new();
    for name in &names {
        headers.push(headers_of(&read(name)?));
    }
    for (number, name) in names.iter().enumerate() {
        let path = folder.join(format!("{PREFIX}{}", name.replace('/', "_")));
        fs::write(&path, source(&all, &headers, number))
            .with_context(|| path.display().to_string())?;
    }
    Ok(())
}

/// Returns the source of one helper, given its position in `helpers.c`.
fn source(all: &str, headers: &[String], number: usize) -> String {
    let mut text = String::new();
    let mut count = 0;
    for line in all.lines() {
        if let Some(name) = included(line) {
            if count < number {
                text += &headers[count];
            } else if count == number {
                text += &format!("#include \"../helpers/{name}\"\n");
            }
            count += 1;
        } else {
            text += line;
            text.push('\n');
        }
    }
    text
}

/// Returns the helper that a line of `helpers.c` includes.
fn included(line: &str) -> Option<&str> {
    let name = line.trim().strip_prefix("#include \"")?.strip_suffix('"')?;
    name.ends_with(".c").then_some(name)
}

/// Returns the lines of a helper that include headers in every configuration.
fn headers_of(helper: &str) -> String {
    let mut depth = 0_usize;
    let mut text = String::new();
    for line in helper.lines() {
        let line = line.trim();
        if line.starts_with("#if") {
            depth += 1;
        } else if line.starts_with("#endif") {
            depth = depth.saturating_sub(1);
        } else if depth == 0 && line.starts_with("#include <") {
            text += line;
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_helper_finds_the_headers_and_the_conditions_that_it_finds_in_the_kernel() {
        let dir = tempfile::tempdir().unwrap();
        let (helpers, folder) = (dir.path().join("helpers"), dir.path().join("runtime"));
        fs::create_dir_all(helpers.join("net")).unwrap();
        fs::create_dir(&folder).unwrap();
        let files = [
            (
                "helpers.c",
                "#include <linux/compiler_types.h>\n#define __rust_helper\n#include \"bitmap.c\"\n\
                 #include \"bitops.c\"\n#ifdef CONFIG_NET\n#include \"net/link.c\"\n#endif\n",
            ),
            (
                "bitmap.c",
                "#include <linux/bitmap.h>\n#ifdef CONFIG_X\n#include <linux/x.h>\n#endif\n\
                 int bitmap;\n",
            ),
            ("bitops.c", "#include <linux/find.h>\nint bitops;\n"),
            ("net/link.c", "int link;\n"),
        ];
        for (name, text) in files {
            fs::write(helpers.join(name), text).unwrap();
        }
        write(&helpers, &folder).unwrap();
        let of = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
        let start = "#include <linux/compiler_types.h>\n#define __rust_helper\n";
        let (bitops, link) = (of("helper_bitops.c"), of("helper_net_link.c"));
        assert_eq!(
            bitops,
            format!(
                "{start}#include <linux/bitmap.h>\n#include \"../helpers/bitops.c\"\n\
                 #ifdef CONFIG_NET\n#endif\n"
            )
        );
        assert_eq!(
            link,
            format!(
                "{start}#include <linux/bitmap.h>\n#include <linux/find.h>\n#ifdef CONFIG_NET\n\
                 #include \"../helpers/net/link.c\"\n#endif\n"
            )
        );
    }

    #[test]
    fn a_source_without_helpers_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        assert!(write(dir.path(), dir.path()).is_err());
        fs::write(dir.path().join("helpers.c"), "#include <linux/bug.h>\n").unwrap();
        let error = write(dir.path(), dir.path()).unwrap_err();
        assert!(error.to_string().contains("has no helpers"), "{error}");
    }
}
