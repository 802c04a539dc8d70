// SPDX-License-Identifier: GPL-2.0-only

//! Memory that nothing in the kernel points to any more, as kmemleak finds it.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use anyhow::Context as _;

const PATH: &str = "/sys/kernel/debug/kmemleak";

/// kmemleak does not report younger objects, since a pointer to them may be in a register.
const AGE: Duration = Duration::from_secs(6);

/// Returns whether this kernel has kmemleak.
pub fn is_there() -> bool {
    Path::new(PATH).exists()
}

/// Discards the leaks that were found until now.
pub fn forget() -> anyhow::Result<()> {
    order("clear")
}

/// Returns the objects that were lost since then, each with the backtrace of its allocation.
pub fn lost() -> anyhow::Result<Vec<String>> {
    // Twice: to a single scan, an object whose pointer is being moved looks lost.
    for _ in 0..2 {
        sleep(AGE);
        order("scan")?;
    }
    let text = fs::read_to_string(PATH).with_context(|| format!("reading {PATH}"))?;
    Ok(records(&text))
}

fn order(word: &str) -> anyhow::Result<()> {
    fs::write(PATH, word).with_context(|| format!("writing {word} to {PATH}"))
}

/// Splits the report into records. A record starts with a line that is not indented.
fn records(text: &str) -> Vec<String> {
    let mut records: Vec<String> = Vec::new();
    for line in text.lines() {
        match records.last_mut() {
            Some(record) if line.starts_with(' ') => {
                record.push('\n');
                record.push_str(line);
            }
            _ => records.push(line.to_owned()),
        }
    }
    records
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_object_is_a_record_with_its_stack() {
        let text = "unreferenced object 0xffff8880 (size 32):\n  comm \"init\", pid 1\n  \
                    backtrace (crc 0):\n    kmalloc+0x1\nunreferenced object 0xffff8881 (size 8):\n  \
                    comm \"init\", pid 2\n";
        let records = records(text);
        assert_eq!(records.len(), 2);
        assert!(records[0].ends_with("kmalloc+0x1"));
        assert!(records[1].contains("pid 2"));
    }

    #[test]
    fn nothing_lost_is_no_record() {
        assert!(records("").is_empty());
    }
}
