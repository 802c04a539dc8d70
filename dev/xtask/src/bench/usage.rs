// SPDX-License-Identifier: GPL-2.0-only

//! What one build uses: time, and what is read and written.

use anyhow::{Context, Result};

use crate::debian::chroot::Chroot;
use crate::debian::setup::Setup;

use super::results::Value;

/// How often each build is measured.
pub const ROUNDS: usize = 3;

/// What a command and all its descendants used.
pub struct Usage {
    /// Seconds until it ended.
    pub seconds: f64,
    /// Seconds of processor time.
    pub processor: f64,
    /// Bytes from the disk or the page cache.
    pub read: f64,
    /// Bytes written.
    pub written: f64,
}

/// Builds a module by dkms, and returns what that used.
pub fn build(setup: &Setup<'_>, chroot: &Chroot, release: &str, module: &str) -> Result<Usage> {
    let line = format!("dkms build --force '{module}' -k '{release}'");
    used_by(setup, chroot, &line)
}

/// Makes a kernel's build tree, and returns what that used.
pub fn tree(setup: &Setup<'_>, chroot: &Chroot, release: &str) -> Result<Usage> {
    used_by(setup, chroot, &format!("dkms-rust kdir -k '{release}'"))
}

fn used_by(setup: &Setup<'_>, chroot: &Chroot, line: &str) -> Result<Usage> {
    // The shell's numbers include the children that it has waited for.
    let line = format!("{line} && cat /proc/$$/io && times");
    let log = setup.project.log("bench-dkms")?;
    let output = chroot.sh(&line).log(&log).run()?;
    let number = |name: &str| {
        let line = output.text.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|rest| rest.trim().parse().ok())
            .with_context(|| format!("/proc/PID/io has no {name}"))
    };
    let times = output.text.lines().next_back().unwrap_or_default();
    Ok(Usage {
        seconds: output.seconds,
        processor: processor_time(times)
            .with_context(|| format!("the shell's `times` said `{times}`"))?,
        read: number("rchar:")?,
        written: number("wchar:")?,
    })
}

/// Adds up `1m2.5s 0m3.25s`: user and system time.
fn processor_time(times: &str) -> Option<f64> {
    let mut sum = 0.0;
    for word in times.split_whitespace() {
        let (minutes, seconds) = word.strip_suffix('s')?.split_once('m')?;
        sum += minutes.parse::<f64>().ok()? * 60.0 + seconds.parse::<f64>().ok()?;
    }
    (sum > 0.0).then_some(sum)
}

/// Returns a package's name and version in dkms, from a line such as `acpi-call/1.2.2,
/// 7.3.4+deb13-amd64, x86_64: installed`.
pub fn in_dkms(chroot: &Chroot, package: &str) -> Result<String> {
    let status = chroot.cmd("dkms").args(["status", package]).stdout()?;
    status
        .split([',', ':'])
        .next()
        .filter(|name| name.contains('/'))
        .map(str::to_owned)
        .with_context(|| format!("dkms status {package} says `{}`", status.trim()))
}

/// Returns the median of the rounds.
pub fn median(rounds: &[Usage], value: fn(&Usage) -> f64) -> Result<Value> {
    let values: Vec<f64> = rounds.iter().map(value).collect();
    Value::of(&values).context("nothing was built")
}

/// Returns the value of a single round.
pub fn one(value: f64) -> Result<Value> {
    Value::of(&[value]).context("no value")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shells_times_are_added_up() {
        assert_eq!(processor_time("1m2.500000s 0m3.250000s"), Some(65.75));
        assert_eq!(processor_time("cat: no such file"), None);
        assert_eq!(processor_time(""), None);
    }
}
