// SPDX-License-Identifier: GPL-2.0-only

//! Tables in Markdown.

use std::fmt::Write as _;

/// A table whose columns stand under one another.
pub fn table<const N: usize>(
    head: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let mut lines = vec![head.map(str::to_owned)];
    lines.extend(rows);
    let widths: Vec<usize> = (0..N)
        .map(|column| lines.iter().map(|line| line[column].chars().count()).max())
        .map(Option::unwrap_or_default)
        .collect();
    let mut text = String::new();
    for (number, line) in lines.iter().enumerate() {
        text.push('|');
        for (cell, width) in line.iter().zip(&widths) {
            // Writing to a String cannot fail.
            let _ = write!(text, " {cell:width$} |");
        }
        text.push('\n');
        if number == 0 {
            text.push_str(&"|---".repeat(N));
            text.push_str("|\n");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_one_another() {
        let text = table(["a", "long"], [["wide".into(), "é".into()]]);
        assert_eq!(text, "| a    | long |\n|---|---|\n| wide | é    |\n");
    }
}
