// SPDX-License-Identifier: GPL-2.0-only

//! Markdown tables.

use std::fmt::Write as _;

/// Returns a table with aligned columns.
pub fn table<const N: usize>(
    head: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let head = head.map(str::to_owned).to_vec();
    let rows = rows.into_iter().map(|row| row.to_vec());
    let lines: Vec<Vec<String>> = [head].into_iter().chain(rows).collect();
    aligned(&lines)
}

/// Like [`table`], for a number of columns that is only known at run time. The first line is the
/// head.
pub fn aligned(lines: &[Vec<String>]) -> String {
    let columns = lines.first().map_or(0, Vec::len);
    let width = |column: usize| {
        let cells = lines.iter().filter_map(|line| line.get(column));
        let widths = cells.map(|cell| cell.chars().count());
        widths.max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for (number, line) in lines.iter().enumerate() {
        text.push('|');
        for (cell, width) in line.iter().zip(&widths) {
            // Writing to a String cannot fail.
            let _ = write!(text, " {cell:width$} |");
        }
        text.push('\n');
        if number == 0 {
            text.push_str(&"|---".repeat(columns));
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
