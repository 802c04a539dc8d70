// SPDX-License-Identifier: GPL-2.0-only

//! Documentation pages that a task writes in part.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result};

use crate::host::files;

/// Replaces the part of a page that a task writes: the text between two marks that name the task.
pub fn replace(path: &Path, task: &str, text: &str) -> Result<()> {
    let old = files::text(path)?;
    let new = with(&old, task, text)
        .with_context(|| format!("{} has lost the marks of `make {task}`", path.display()))?;
    files::write(path, new)?;
    println!("{}", path.display());
    Ok(())
}

fn with(page: &str, task: &str, text: &str) -> Option<String> {
    let mark = |which| format!("<!-- {which} of what `make {task}` writes -->\n");
    let (begin, end) = (mark("begin"), mark("end"));
    let (before, rest) = page.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}\n{text}\n{end}{after}"))
}

/// Returns a table with the dates of its rows, and with a list of what has no row yet.
pub fn dated<'a>(days: impl Iterator<Item = &'a str>, table: &str, missing: &[String]) -> String {
    let days: Vec<&str> = days.collect::<BTreeSet<_>>().into_iter().collect();
    let text = format!("Run on {}.\n\n{table}", days.join(" and "));
    match missing {
        [] => text,
        missing => format!("{text}\nNot run yet: {}.\n", missing.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_between_the_marks_is_replaced() {
        let page = |text: &str| {
            format!(
                "top\n<!-- begin of what `make x` writes -->\n{text}\n\
                 <!-- end of what `make x` writes -->\nbottom\n"
            )
        };
        let new = with(&page("old"), "x", "new");
        assert_eq!(new, Some(page("\nnew")));
        assert_eq!(with(&page("old"), "y", "new"), None);
    }
}
