// SPDX-License-Identifier: GPL-2.0-only

//! The results as tables, for the terminal and for `docs/benchmark.md`.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::report::markdown::aligned;

use super::build::MODULES;
use super::goals;
use super::results::{Part, Row};

/// Returns the goals, and a table for each part and kernel.
pub fn text(rows: &[Row]) -> String {
    let mut text = goals(rows);
    let mut groups: Vec<(Part, &str)> = Vec::new();
    for row in rows {
        let group = (row.part, &*row.kernel);
        if !groups.contains(&group) {
            groups.push(group);
        }
    }
    for (part, kernel) in groups {
        let of = |row: &&Row| row.part == part && row.kernel == kernel;
        let group: Vec<&Row> = rows.iter().filter(of).collect();
        let Some(first) = group.first() else { continue };
        // Writing to a String cannot fail, here and below.
        let _ = write!(
            text,
            "\n### {} on {kernel}\n\ngcc {}, rustc {}, {}.\n\n",
            part.name(),
            first.compiler.gcc,
            first.compiler.rustc,
            first.date
        );
        text.push_str(&aligned(&lines(&group)));
    }
    text
}

fn goals(rows: &[Row]) -> String {
    let head = ["goal", "kernel", "wanted", "measured", "met"];
    let mut lines = vec![head.map(str::to_owned).to_vec()];
    for standing in goals::standings(rows) {
        let digits = if standing.value.fract() == 0.0 { 0 } else { 2 };
        lines.push(vec![
            standing.what.to_owned(),
            standing.kernel,
            standing.bound,
            number(standing.value, digits),
            if standing.met { "yes" } else { "**no**" }.to_owned(),
        ]);
    }
    format!("### goals\n\n{}", aligned(&lines))
}

/// Returns a line per row: the driver, its peers in the order of the modules, then the ratios.
fn lines(rows: &[&Row]) -> Vec<Vec<String>> {
    let known: BTreeSet<&str> = rows
        .iter()
        .flat_map(|row| row.peers.keys().map(String::as_str))
        .collect();
    let modules = MODULES.iter().map(|(name, _)| *name);
    let others = known.iter().copied();
    let mut peers: Vec<&str> = modules.filter(|name| known.contains(name)).collect();
    peers.extend(others.filter(|name| !MODULES.iter().any(|(module, _)| module == name)));

    let mut head = vec!["measure".to_owned(), "unit".to_owned(), "driver".to_owned()];
    head.extend(peers.iter().map(|name| (*name).to_owned()));
    head.extend(peers.iter().map(|name| format!("by {name}")));
    head.push("spread, %".to_owned());
    let mut lines = vec![head];
    for row in rows {
        let digits = if row.unit == "s" { 1 } else { 0 };
        let value = |name: &str| row.of(name).map(|value| number(value, digits));
        let mut line = vec![row.name.clone(), row.unit.clone()];
        line.push(value("driver").unwrap_or_default());
        line.extend(peers.iter().map(|name| value(name).unwrap_or_default()));
        let ratio = |name: &&str| row.ratio.get(*name).map(|ratio| format!("{ratio:.2}"));
        line.extend(peers.iter().map(|name| ratio(name).unwrap_or_default()));
        let all = row.ours.iter().chain(row.peers.values());
        let spread = all.map(|value| value.spread).fold(0.0, f64::max);
        line.push(format!("{:.1}", spread * 100.0));
        lines.push(line);
    }
    lines
}

/// A space at which no line is broken.
const NARROW: char = '\u{202f}';

/// Formats a number with spaces between groups of thousands.
pub fn number(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    let whole = text.split('.').next().map_or(0, str::len);
    let mut apart = String::new();
    for (place, character) in text.chars().enumerate() {
        let left = whole.saturating_sub(place);
        if place > 0 && left > 0 && left % 3 == 0 && !apart.ends_with('-') {
            apart.push(NARROW);
        }
        apart.push(character);
    }
    apart
}

#[cfg(test)]
mod tests {
    use super::super::results::Value;
    use super::super::results::tests::row;
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        let numbers = [0.0, 999.0, 1000.0, 1_234_567.0, -4096.0, 1234.5];
        let texts = numbers.map(|value| number(value, usize::from(value.fract() != 0.0)));
        let texts = texts.map(|text| text.replace(NARROW, " "));
        let wanted = ["0", "999", "1 000", "1 234 567", "-4 096", "1 234.5"];
        assert_eq!(texts, wanted);
    }

    #[test]
    fn every_line_has_all_columns_also_where_a_peer_has_no_part() {
        let mut one = row("a", "7", 1.0);
        one.add("acpi-call", Value::of(&[2.0]).unwrap());
        let text = text(&[one, row("b", "7", 1.0)]);
        let table: Vec<&str> = text
            .lines()
            .skip_while(|line| !line.starts_with("| measure"))
            .collect();
        assert_eq!(table.len(), 4, "{text}");
        for line in &table {
            assert_eq!(line.matches('|').count(), 7, "{line}");
        }
    }
}
