// SPDX-License-Identifier: GPL-2.0-only

//! What the driver costs the machine that it is installed on, compared with modules in C: the build
//! by dkms, the size, `apt install`. Everything runs natively, in the root that the guests boot.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use object::{Object, ObjectSection, SectionKind};

use crate::debian::chroot::Chroot;
use crate::debian::kernel::Kernel;
use crate::debian::kernels::TESTED;
use crate::debian::root::Root;
use crate::debian::setup::Setup;
use crate::debian::{layers, packaged};
use crate::host::run;
use crate::host::{mounts, ui};

use super::build::{Built, MODULES};
use super::results::{Part, Row, Value};
use super::watch;

/// The driver's name in dkms.
const DRIVER: &str = "procdriver";

/// The peer that is a DKMS package: its name in the results and in dkms.
const PEER: (&str, &str) = ("plain", "peer/1");

/// The yardstick: a small C module from Debian.
pub const YARDSTICK: &str = "acpi-call";

/// How often each module is built with the metadata in the cache, and without.
const ROUNDS: usize = 3;

/// The name of the earlier state in the results.
pub const BEFORE: &str = "before";

/// Recommended packages are not installed in these roots. They have linux-source; 0.1.0 also
/// recommends a memory allocator.
const INSTALL_BEFORE: &str =
    "apt-get -q update && apt-get -q -y install procdriver-dkms libjemalloc2";

/// The flavour that is built for after the stable suite's kernel.
const NEXT: &str = "cloud-amd64";

/// The directory of dkms-rust's cache, whose size is measured.
const CACHE: &str = "/var/cache/dkms-rust";

/// Measures the costs. Measurements run one after another, because times are compared. `before` is
/// the apt repository of an earlier state.
pub fn run(setup: &Setup<'_>, built: &[Built], before: Option<&Path>) -> Result<Vec<Row>> {
    let first = built.first().context("no kernel to build for")?;
    let stable = built.last().context("no kernel to build for")?;
    let next = next(setup)?;
    let work = mounts::scratch_folder(setup.project)?;
    let layer = work.path().join("layer");
    let kernels = layers::with_kernels(setup.project, &setup.checks, "next", &[next])?;
    let root = packaged::unbuilt(setup.project, &kernels, &setup.repo, &layer)?;
    let now = Chroot::new(setup.project, &root)?;
    let before = before
        .map(|repo| earlier(setup, &kernels, repo))
        .transpose()?;
    let states: Vec<(&str, &Chroot)> = [("driver", &now)]
        .into_iter()
        .chain(before.as_ref().map(|chroot| (BEFORE, chroot)))
        .collect();

    let mut rows = ui::step("dkms build, cold", || cold(setup, &states, first, None))?;
    rows.extend(ui::step("dkms build for two kernels", || {
        cold(setup, &states, stable, Some(&next.release))
    })?);
    rows.extend(ui::step("dkms build, warm", || warm(setup, &now, first))?);
    rows.push(ui::step("apt install in a root with one kernel", || {
        apt_install(setup, first)
    })?);
    for built in built {
        rows.extend(sizes(built)?);
    }
    Ok(rows)
}

/// Returns the kernel that follows the stable suite's, which has the same source and compilers.
fn next<'a>(setup: &'a Setup<'_>) -> Result<&'a Kernel> {
    let mut offered = setup.base.offered.iter();
    offered
        .find(|kernel| kernel.suite == TESTED.suite && kernel.flavour == NEXT)
        .with_context(|| format!("{} offers no kernel {NEXT}", TESTED.suite))
}

/// Installs an earlier state, while no kernel is visible. What it depends on comes from the archive.
fn earlier(setup: &Setup<'_>, root: &Root, repo: &Path) -> Result<Chroot> {
    let mut chroot = Chroot::new(setup.project, root)?;
    packaged::offer(&mut chroot, repo)?;
    let line = format!(
        "mv /usr/lib/modules /srv/modules && mkdir /usr/lib/modules && {INSTALL_BEFORE} && \
         rm -r /usr/lib/modules && mv /srv/modules /usr/lib/modules"
    );
    chroot
        .sh(&line)
        .log(&setup.project.log("bench-before")?)
        .run()?;
    Ok(chroot)
}

fn row(built: &Built, name: &str, unit: &str) -> Row {
    built.row(Part::Costs, name, unit)
}

/// Builds the peers and the driver with the metadata in the cache.
fn warm(setup: &Setup<'_>, chroot: &Chroot, built: &Built) -> Result<Vec<Row>> {
    let place = chroot.path().join("usr/src/peer-1");
    run::copy_all(&setup.project.source.join("dev/peers"), &place)?;
    chroot.cmd("dkms").args(["add", PEER.1]).run()?;
    let (driver, yardstick) = (in_dkms(chroot, DRIVER)?, in_dkms(chroot, YARDSTICK)?);
    let modules = [
        ("driver", driver.as_str()),
        (YARDSTICK, yardstick.as_str()),
        (PEER.0, PEER.1),
    ];
    build(setup, chroot, &built.release, &driver)?;
    let mut rounds = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        for ((_, module), rounds) in modules.iter().zip(&mut rounds) {
            rounds.push(build(setup, chroot, &built.release, module)?);
        }
    }
    let mut rows = [
        row(built, "dkms-build-warm", "s"),
        row(built, "dkms-build-warm-processor", "s"),
    ];
    let mut size = row(built, "module-as-installed", "bytes");
    for ((name, module), rounds) in modules.iter().zip(&rounds) {
        rows[0].add(name, median(rounds, |usage| usage.seconds)?);
        rows[1].add(name, median(rounds, |usage| usage.processor)?);
        size.add(name, kept_by_dkms(chroot, module, &built.release)?);
    }
    Ok(rows.into_iter().chain([size]).collect())
}

/// Builds with nothing in dkms-rust's cache, then for the kernel `next`, if there is one. Sampling
/// the memory takes time, so it is done in a separate build.
fn cold(
    setup: &Setup<'_>,
    states: &[(&str, &Chroot)],
    built: &Built,
    next: Option<&str>,
) -> Result<Vec<Row>> {
    let mut firsts = vec![Vec::new(); states.len()];
    let mut nexts = vec![Vec::new(); states.len()];
    for _ in 0..ROUNDS {
        for (state, (_, chroot)) in states.iter().enumerate() {
            let driver = in_dkms(chroot, DRIVER)?;
            chroot.cmd("dkms-rust").arg("clean").run()?;
            firsts[state].push(build(setup, chroot, &built.release, &driver)?);
            if let Some(next) = next {
                nexts[state].push(build(setup, chroot, next, &driver)?);
            }
        }
    }
    let row = |name, unit| row(built, name, unit);
    let mut of_first = [
        row("dkms-build-cold", "s"),
        row("dkms-build-cold-processor", "s"),
        row("dkms-build-cold-read", "bytes"),
        row("dkms-build-cold-written", "bytes"),
    ];
    let mut of_next = [
        row("dkms-build-next", "s"),
        row("dkms-build-next-processor", "s"),
    ];
    let mut kept = row("kept-for-two-kernels", "bytes");
    let mut memory = row("dkms-build-cold-memory", "bytes");
    for (state, (name, chroot)) in states.iter().enumerate() {
        let values = [
            Usage::seconds,
            Usage::processor,
            Usage::read,
            Usage::written,
        ];
        for (row, value) in of_first.iter_mut().zip(values) {
            row.add(name, median(&firsts[state], value)?);
        }
        for (row, value) in of_next.iter_mut().zip(values) {
            if next.is_some() {
                row.add(name, median(&nexts[state], value)?);
            }
        }
        if next.is_some() {
            kept.add(name, one(cached(chroot)?)?);
        }
        chroot.cmd("dkms-rust").arg("clean").run()?;
        let driver = in_dkms(chroot, DRIVER)?;
        let (_, most) = watch::peak(|| build(setup, chroot, &built.release, &driver))?;
        memory.add(name, one(most as f64)?);
    }
    let mut rows: Vec<Row> = of_first.into_iter().chain([memory]).collect();
    if next.is_some() {
        rows.extend(of_next.into_iter().chain([kept]));
    }
    Ok(rows)
}

fn median(rounds: &[Usage], value: fn(&Usage) -> f64) -> Result<Value> {
    let values: Vec<f64> = rounds.iter().map(value).collect();
    Value::of(&values).context("nothing was built")
}

/// Returns the value of a single round.
fn one(value: f64) -> Result<Value> {
    Value::of(&[value]).context("no value")
}

/// Returns the size of dkms-rust's cache on the disk.
fn cached(chroot: &Chroot) -> Result<f64> {
    let said = chroot.cmd("du").args(["-s", "-B1", CACHE]).stdout()?;
    let size = said
        .split_whitespace()
        .next()
        .and_then(|size| size.parse().ok());
    size.with_context(|| format!("du said `{said}`"))
}

/// What a command and all its descendants used.
#[derive(Clone)]
struct Usage {
    seconds: f64,
    processor: f64,
    read: f64,
    written: f64,
}

impl Usage {
    fn seconds(&self) -> f64 {
        self.seconds
    }

    /// Seconds of processor time.
    fn processor(&self) -> f64 {
        self.processor
    }

    /// Bytes from the disk or the page cache.
    fn read(&self) -> f64 {
        self.read
    }

    fn written(&self) -> f64 {
        self.written
    }
}

fn build(setup: &Setup<'_>, chroot: &Chroot, release: &str, module: &str) -> Result<Usage> {
    // The shell's numbers include the children that it has waited for.
    let line = format!("dkms build --force '{module}' -k '{release}' && cat /proc/$$/io && times");
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
fn in_dkms(chroot: &Chroot, package: &str) -> Result<String> {
    let status = chroot.cmd("dkms").args(["status", package]).stdout()?;
    status
        .split([',', ':'])
        .next()
        .filter(|name| name.contains('/'))
        .map(str::to_owned)
        .with_context(|| format!("dkms status {package} says `{}`", status.trim()))
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
    one(module.metadata()?.len() as f64)
}

/// Returns the sizes of the modules built for the guests: unsigned, and without debug information.
fn sizes(built: &Built) -> Result<Vec<Row>> {
    let mut file = row(built, "module-file", "bytes");
    let mut code = row(built, "module-text", "bytes");
    for ((name, _), module) in MODULES.iter().zip(&built.modules) {
        file.add(name, one(module.len() as f64)?);
        code.add(name, one(text(module)? as f64)?);
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
    let mut row = row(built, "apt-install", "s");
    row.add("driver", one(output.seconds)?);
    Ok(row)
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
