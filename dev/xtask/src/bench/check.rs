// SPDX-License-Identifier: GPL-2.0-only

//! Reports the instruction counts that differ by more than 2 % from those in docs/benchmark.json.

use crate::report::results::Row as _;

use super::build::MODULES;
use super::results::Row;

/// By how much instruction counts may change, relative to the old ones.
const LIMIT: f64 = 0.02;

/// Returns a line for each module and measure whose instruction count has changed by more than
/// that.
pub fn moved(old: &[Row], new: &[Row]) -> Vec<String> {
    let mut lines = Vec::new();
    for new in new.iter().filter(|row| row.unit == "instructions") {
        let Some(old) = old.iter().find(|old| new.replaces(old)) else {
            lines.push(format!(
                "{} on {}: not measured before",
                new.name, new.kernel
            ));
            continue;
        };
        for (module, _) in MODULES {
            let (Some(before), Some(now)) = (old.of(module), new.of(module)) else {
                continue;
            };
            let by = now / before - 1.0;
            if by.abs() > LIMIT {
                lines.push(format!(
                    "{} of {module} on {}: {:.0} instructions, were {:.0} on {} ({:+.1} %)",
                    new.name,
                    new.kernel,
                    now,
                    before,
                    old.date,
                    by * 100.0
                ));
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::super::results::tests::row;
    use super::*;

    #[test]
    fn only_instructions_that_moved_by_more_than_two_in_a_hundred_are_told() {
        let old = [row("a", "7", 1000.0), row("b", "7", 1000.0)];
        let new = [row("a", "7", 1019.0), row("b", "7", 979.0)];
        let lines = moved(&old, &new);
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].contains("b of driver on 7") && lines[0].contains("-2.1 %"));
    }

    #[test]
    fn what_is_new_is_told_and_seconds_are_not_compared() {
        let mut seconds = row("a", "7", 1.0);
        seconds.unit = "s".into();
        assert!(moved(&[], &[seconds]).is_empty());
        assert_eq!(moved(&[], &[row("a", "7", 1.0)]).len(), 1);
    }
}
