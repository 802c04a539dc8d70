// SPDX-License-Identifier: GPL-2.0-only

//! Dates and times, from date(1).

use anyhow::{Context, Result};

use crate::host::run::Cmd;

/// Returns today's date, such as `2026-01-31`.
pub fn today() -> Result<String> {
    date(&["+%F"])
}

/// Returns the current time in the format of a mail header.
pub fn now() -> Result<String> {
    date(&["-R"])
}

/// Converts a time in the format of [`now`] to seconds since 1970.
pub fn seconds(of: &str) -> Result<u64> {
    let seconds = date(&["--date", of, "+%s"])?;
    seconds
        .parse()
        .with_context(|| format!("date made `{seconds}` of `{of}`"))
}

fn date(args: &[&str]) -> Result<String> {
    let text = Cmd::new("date").arg("--utc").args(args).stdout()?;
    Ok(text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_counted_from_1970() {
        assert_eq!(
            seconds("Sun, 22 Nov 2026 20:00:00 +0000").unwrap(),
            1_795_377_600
        );
        assert!(seconds("never").is_err());
        assert_eq!(today().unwrap().len(), "2026-01-31".len());
    }
}
