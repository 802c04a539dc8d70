// SPDX-License-Identifier: GPL-2.0-only

//! What the driver costs the machine that it is installed on, compared with modules in C: the build
//! by dkms, the size, `apt install`. Everything runs natively, in the root that the guests boot.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use object::{Object, ObjectSection, SectionKind};

use crate::debian::chroot::Chroot;
use crate::debian::packaged;
use crate::debian::setup::Setup;
use crate::host::run;
use crate::host::{mounts, ui};

use super::build::{Built, MODULES};
use super::results::{Part, Row, Value};
use super::watch;

/// The driver's name in dkms.
const DRIVER: &str = concat!("procdriver/", env!("CARGO_PKG_VERSION"));

/// The peer that is a DKMS package: its name in the results and in dkms.
const PEER: (&str, &str) = ("plain", "peer/1");

/// The yardstick: a small C module from Debian.
const YARDSTICK: &str = "acpi-call";

/// How often each module is built with the metadata in the cache.
const ROUNDS: usize = 3;

/// Measures the costs on the first kernel (`make matrix` has build times of all kernels).
/// Measurements run one after another, because times are compared. Module sizes are measured for
/// each kernel.
pub fn run(setup: &Setup<'_>, built: &[Built]) -> Result<Vec<Row>> {
    let first = built.first().context("no kernel to build for")?;
    let mut rows = ui::step("dkms build, cold and warm", || dkms(setup, first))?;
    rows.push(ui::step("apt install in a root with one kernel", || {
        apt_install(setup, first)
    })?);
    for built in built {
        rows.extend(sizes(built)?);
    }
    Ok(rows)
}

fn row(built: &Built, name: &str, unit: &str) -> Row {
    built.row(Part::Costs, name, unit)
}

/// Returns a row with only the driver's value, of one round.
fn ours(built: &Built, name: &str, unit: &str, value: f64) -> Row {
    let mut row = row(built, name, unit);
    row.ours = Value::of(&[value]);
    row
}

fn dkms(setup: &Setup<'_>, built: &Built) -> Result<Vec<Row>> {
    let work = mounts::scratch_folder(setup.project)?;
    let layer = work.path().join("layer");
    let root = packaged::unbuilt(setup.project, &setup.checks, &setup.repo, &layer)?;
    let chroot = &Chroot::new(setup.project, &root)?;
    let place = chroot.path().join("usr/src/peer-1");
    run::copy_all(&setup.project.source.join("dev/peers"), &place)?;
    chroot.cmd("dkms").args(["add", PEER.1]).run()?;
    let yardstick = yardstick(chroot)?;
    let modules = [
        ("driver", DRIVER),
        (YARDSTICK, yardstick.as_str()),
        (PEER.0, PEER.1),
    ];

    let mut rows = cold(setup, chroot, built)?;
    let mut rounds = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        for ((_, module), rounds) in modules.iter().zip(&mut rounds) {
            rounds.push(build(setup, chroot, built, module)?);
        }
    }
    let mut warm = row(built, "dkms-build-warm", "s");
    let mut processor = row(built, "dkms-build-warm-processor", "s");
    for ((name, _), rounds) in modules.iter().zip(&rounds) {
        let value = |of: fn(&Usage) -> f64| {
            let values: Vec<f64> = rounds.iter().map(of).collect();
            Value::of(&values).context("nothing was built")
        };
        warm.add(name, value(|usage| usage.seconds)?);
        processor.add(name, value(|usage| usage.processor)?);
    }
    let mut size = row(built, "module-as-installed", "bytes");
    for (name, module) in modules {
        size.add(name, kept_by_dkms(chroot, module, &built.release)?);
    }
    rows.extend([warm, processor, size]);
    Ok(rows)
}

/// Measures the first build for a kernel, with dkms-rust's cache empty. Sampling the memory takes
/// time, so it is done in a second build.
fn cold(setup: &Setup<'_>, chroot: &Chroot, built: &Built) -> Result<Vec<Row>> {
    let usage = build(setup, chroot, built, DRIVER)?;
    chroot.cmd("dkms-rust").arg("clean").run()?;
    let (_, memory) = watch::peak(|| build(setup, chroot, built, DRIVER))?;
    let row = |name, unit, value| ours(built, name, unit, value);
    Ok(vec![
        row("dkms-build-cold", "s", usage.seconds),
        row("dkms-build-cold-processor", "s", usage.processor),
        row("dkms-build-cold-memory", "bytes", memory as f64),
        row("dkms-build-cold-read", "bytes", usage.read),
        row("dkms-build-cold-written", "bytes", usage.written),
    ])
}

/// What a command and all its descendants used.
struct Usage {
    seconds: f64,
    /// Seconds of processor time.
    processor: f64,
    /// Bytes from the disk or the page cache.
    read: f64,
    written: f64,
}

fn build(setup: &Setup<'_>, chroot: &Chroot, built: &Built, module: &str) -> Result<Usage> {
    // The shell's numbers include the children that it has waited for.
    let line = format!(
        "dkms build --force '{module}' -k '{}' && cat /proc/$$/io && times",
        built.release
    );
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

/// Returns the yardstick's name in dkms, from a line such as `acpi-call/1.2.2, 7.3.4+deb13-amd64,
/// x86_64: installed`.
fn yardstick(chroot: &Chroot) -> Result<String> {
    let status = chroot.cmd("dkms").args(["status", YARDSTICK]).stdout()?;
    status
        .split([',', ':'])
        .next()
        .filter(|name| name.contains('/'))
        .map(str::to_owned)
        .with_context(|| format!("dkms status {YARDSTICK} says `{}`", status.trim()))
}

/// Returns the size of the file that dkms would install: signed, and compressed like the kernel's
/// own modules.
fn kept_by_dkms(chroot: &Chroot, module: &str, release: &str) -> Result<Value> {
    let place = chroot.path().join("var/lib/dkms").join(module);
    let place = place.join(release).join("x86_64/module");
    let files = fs::read_dir(&place).with_context(|| format!("cannot list {}", place.display()))?;
    // Module.symvers is in the same directory.
    let module = files
        .flatten()
        .find(|file| file.file_name().to_string_lossy().contains(".ko"))
        .with_context(|| format!("dkms left no module in {}", place.display()))?;
    Value::of(&[module.metadata()?.len() as f64]).context("no size")
}

/// Returns the sizes of the modules built for the guests: unsigned, and without debug information.
fn sizes(built: &Built) -> Result<Vec<Row>> {
    let mut file = row(built, "module-file", "bytes");
    let mut code = row(built, "module-text", "bytes");
    for ((name, _), module) in MODULES.iter().zip(&built.modules) {
        file.add(name, Value::of(&[module.len() as f64]).context("no size")?);
        code.add(name, Value::of(&[text(module)? as f64]).context("no size")?);
    }
    Ok(vec![file, code])
}

/// Returns the size of a module's code in bytes.
fn text(module: &[u8]) -> Result<u64> {
    let file = object::File::parse(module).context("cannot read the module")?;
    let code = file.sections();
    let code = code.filter(|section| section.kind() == SectionKind::Text);
    Ok(code.map(|section| section.size()).sum())
}

/// Measures the time until apt is done: both packages unpacked, metadata rebuilt, module built,
/// signed and installed.
fn apt_install(setup: &Setup<'_>, built: &Built) -> Result<Row> {
    let chroot = packaged::with_repo(setup.project, &setup.base, &setup.repo)?;
    let log = setup.project.log("bench-apt")?;
    let output = chroot
        .cmd("apt-get")
        .args(["-q", "-y", "install", "procdriver-dkms"])
        .log(&log)
        .run()?;
    must_be_installed(chroot.path(), &built.release)?;
    Ok(ours(built, "apt-install", "s", output.seconds))
}

fn must_be_installed(root: &Path, release: &str) -> Result<()> {
    let place = root
        .join("usr/lib/modules")
        .join(release)
        .join("updates/dkms");
    let mut files = fs::read_dir(&place)
        .with_context(|| format!("apt installed no module: cannot list {}", place.display()))?;
    files
        .next()
        .with_context(|| format!("apt installed no module: {} is empty", place.display()))??;
    Ok(())
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
