// SPDX-License-Identifier: GPL-2.0-only

//! Bar charts for the documentation, as SVG: the instructions per call, and the costs.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;

use crate::host::files;

use super::build::MODULES;
use super::results::{BEFORE, Row, YARDSTICK};
use super::table;

const WIDTH: usize = 720;
/// These need a thousand times as many instructions as a call.
const NO_CALLS: [&str; 2] = ["load", "unload"];
/// Where the bars start, and the length of the longest bar of each measure.
const LEFT: usize = 80;
const LONGEST: f64 = 520.0;
const BAR: usize = 16;
const HEAD: usize = 26;

/// Draws the measures that are calls, on the first kernel.
pub fn calls(path: &Path, rows: &[Row]) -> Result<()> {
    let first = rows.iter().find(|row| row.unit == "instructions");
    let Some(first) = first else { return Ok(()) };
    let calls = rows
        .iter()
        .filter(|row| row.unit == first.unit && row.kernel == first.kernel)
        .filter(|row| !NO_CALLS.contains(&&*row.name));
    let names: Vec<&str> = MODULES.iter().map(|(name, _)| *name).collect();
    let measures = calls.map(|row| (row.name.clone(), row));
    let title = format!("Instructions on {}, system calls included", first.kernel);
    write(path, &svg(measures, &names, &title))
}

/// Draws what the driver costs a machine, where it was compared with an earlier state.
pub fn costs(path: &Path, rows: &[Row]) -> Result<()> {
    let costs: Vec<&Row> = rows
        .iter()
        .filter(|row| row.peers.contains_key(BEFORE))
        .collect();
    let Some(first) = costs.first() else {
        return Ok(());
    };
    let title = format!("What a machine pays, {}", first.date);
    let measures = costs
        .iter()
        .map(|row| (format!("{}, {}, {}", row.name, row.unit, row.kernel), *row));
    write(path, &svg(measures, &["driver", BEFORE, YARDSTICK], &title))
}

fn write(path: &Path, svg: &str) -> Result<()> {
    files::write(path, svg)?;
    println!("{}", path.display());
    Ok(())
}

/// The length of a bar is proportional to its value. The longest of each measure fills the space.
fn svg<'a>(
    measures: impl Iterator<Item = (String, &'a Row)>,
    names: &[&str],
    title: &str,
) -> String {
    let mut body = String::new();
    let mut y = HEAD;
    // Writing to a String cannot fail, here and below.
    let _ = writeln!(body, r#"<text x="8" y="18" class="title">{title}</text>"#);
    for (measure, row) in measures {
        let values: Vec<_> = names
            .iter()
            .filter_map(|name| Some((*name, row.of(name)?)))
            .collect();
        let most = values.iter().map(|(_, value)| *value).fold(1.0, f64::max);
        y += HEAD;
        let _ = writeln!(
            body,
            r#"<text x="8" y="{}" class="name">{measure}</text>"#,
            y - 8,
        );
        for (name, value) in values {
            let length = (value / most * LONGEST).round();
            let class = if name == names[0] { "ours" } else { "peer" };
            let text = y + BAR - 4;
            let _ = writeln!(body, r#"<text x="8" y="{text}">{name}</text>"#);
            let height = BAR - 3;
            let _ = writeln!(
                body,
                r#"<rect x="{LEFT}" y="{y}" width="{length}" height="{height}" class="{class}"/>"#
            );
            let x = LEFT as f64 + length + 6.0;
            let digits = if row.unit == "s" { 1 } else { 0 };
            let number = table::number(value, digits);
            let _ = writeln!(body, r#"<text x="{x}" y="{text}">{number}</text>"#);
            y += BAR;
        }
    }
    let height = y + 12;
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}">
<!-- SPDX-License-Identifier: GPL-2.0-only; written by `make bench` -->
<style>
text {{ font: 12px sans-serif; fill: #222 }}
.title, .name {{ font-weight: bold }}
.ours {{ fill: #b7410e }}
.peer {{ fill: #8fa3b5 }}
</style>
<rect width="100%" height="100%" fill="#fff"/>
{body}</svg>
"##
    )
}

#[cfg(test)]
mod tests {
    use super::super::results::Value;
    use super::super::results::tests::row;
    use super::*;

    #[test]
    fn the_longest_bar_fills_the_room_and_the_others_are_in_proportion() {
        let mut row = row("pread", "7", 50.0);
        row.add("plain", Value::of(&[100.0]).unwrap());
        let svg = svg(
            [("pread".into(), &row)].into_iter(),
            &["driver", "plain"],
            "title",
        );
        assert!(
            svg.contains(r#"width="520" height="13" class="peer""#),
            "{svg}"
        );
        assert!(
            svg.contains(r#"width="260" height="13" class="ours""#),
            "{svg}"
        );
        assert_eq!(svg.matches("<rect x").count(), 2);
    }
}
