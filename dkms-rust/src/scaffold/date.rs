// SPDX-License-Identifier: GPL-2.0-only

//! Formats dates for changelogs, in UTC.

use std::time::{SystemTime, UNIX_EPOCH};

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// Formats a time as in a mail header: `Sun, 22 Nov 2026 20:00:00 +0000`.
pub fn of_mail(time: SystemTime) -> String {
    let seconds = seconds(time);
    let (days, rest) = (seconds / 86400, seconds % 86400);
    let (year, month, day) = civil(days);
    format!(
        "{}, {day:02} {} {year} {:02}:{:02}:{:02} +0000",
        DAYS[(days % 7) as usize],
        MONTHS[month],
        rest / 3600,
        rest / 60 % 60,
        rest % 60
    )
}

/// Returns the year.
pub fn year(time: SystemTime) -> String {
    civil(seconds(time) / 86400).0.to_string()
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}

/// Converts days since 1970 to a year, a month (counted from 0) and a day.
fn civil(mut days: u64) -> (u64, usize, u64) {
    let leap = |year: u64| (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let mut year = 1970;
    while days >= 365 + u64::from(leap(year)) {
        days -= 365 + u64::from(leap(year));
        year += 1;
    }
    let february = 28 + u64::from(leap(year));
    let lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while days >= lengths[month] {
        days -= lengths[month];
        month += 1;
    }
    (year, month, days + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_time_is_written_as_date_r_writes_it() {
        let of = |seconds| of_mail(UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(of(0), "Thu, 01 Jan 1970 00:00:00 +0000");
        assert_eq!(of(1_795_377_600), "Sun, 22 Nov 2026 20:00:00 +0000");
        assert_eq!(of(1_709_210_096), "Thu, 29 Feb 2024 12:34:56 +0000");
        assert_eq!(of(4_107_542_399), "Sun, 28 Feb 2100 23:59:59 +0000");
        assert_eq!(
            year(UNIX_EPOCH + Duration::from_secs(1_767_225_599)),
            "2025"
        );
    }
}
