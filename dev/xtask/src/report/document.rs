// SPDX-License-Identifier: GPL-2.0-only

//! Pages of the documentation that a command writes in part.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// Replaces what stands between two marks in a page.
pub fn replace(path: &Path, begin: &str, end: &str, text: &str) -> Result<()> {
    let old =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let new = between(&old, begin, end, text)
        .with_context(|| format!("{} has lost the lines {begin}and {end}", path.display()))?;
    fs::write(path, new).with_context(|| format!("cannot write {}", path.display()))?;
    println!("{}", path.display());
    Ok(())
}

fn between(document: &str, begin: &str, end: &str, text: &str) -> Option<String> {
    let (before, rest) = document.split_once(begin)?;
    let (_, after) = rest.split_once(end)?;
    Some(format!("{before}{begin}\n{text}\n{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_between_the_marks_is_replaced() {
        let new = between("top\nB\nold\nE\nbottom\n", "B\n", "E\n", "new");
        assert_eq!(new.as_deref(), Some("top\nB\n\nnew\nE\nbottom\n"));
        assert_eq!(between("no marks", "B\n", "E\n", "new"), None);
    }
}
