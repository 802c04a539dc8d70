// SPDX-License-Identifier: GPL-2.0-only

//! The results as tables.

use std::fmt::Write as _;

use super::build::MODULES;
use super::results::Row;

/// A line a row.
pub fn text(rows: &[Row]) -> String {
    let mut text = String::new();
    for row in rows {
        let _ = write!(text, "{:26} {:22}", row.kernel, row.name);
        for (name, _) in MODULES {
            let cell = row
                .of(name)
                .map(|v| format!("{:.0} ({:.2}%)", v.median, v.spread * 100.0));
            let _ = write!(text, " {:>18}", cell.unwrap_or_default());
        }
        let _ = writeln!(text, " {:?}", row.ratio);
    }
    text
}
