// SPDX-License-Identifier: GPL-2.0-only

//! Builds the packaged driver for one kernel with dkms, at native speed: once with dkms-rust's
//! cache empty, and once more.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use crate::debian::chroot::Chroot;
use crate::debian::kernel::Kernel;
use crate::debian::modules;
use crate::debian::packaged::{self, Check};
use crate::debian::root::Root;
use crate::debian::warm;
use crate::host::files;
use crate::host::project::Project;
use crate::host::run::Cmd;

/// The module's name in dkms.
const MODULE: &str = concat!("procdriver/", env!("CARGO_PKG_VERSION"));

/// Where dkms-rust stores its results.
const CACHE: &str = "var/cache/dkms-rust";

/// The start of the module's file name.
const FILE: &str = "/procDriver.ko";

/// The result of a build.
pub struct Built {
    /// What dkms-rust says about the kernel.
    pub check: Check,
    /// The version of the C compiler that built the kernel.
    pub gcc: Option<String>,
    /// Seconds for dkms's build with an empty cache.
    pub cold: Option<f64>,
    /// Seconds for dkms's build with a filled cache.
    pub warm: Option<f64>,
    /// The size of dkms-rust's cache after that, in MiB.
    pub cache: Option<u64>,
    /// The module, or the reason why there is none.
    pub module: Result<Vec<u8>>,
}

/// Builds for one kernel. Adds what dkms-rust has kept to the directory `cache`.
pub fn run(project: &Project, installed: &Root, kernel: &Kernel, cache: &Path) -> Result<Built> {
    let log = project.log(&format!("matrix-{}-{}-build", kernel.suite, kernel.release))?;
    let chroot = Chroot::new(project, installed)?;
    let mut built = Built {
        check: check(&chroot, kernel, installed, &log)?,
        gcc: packaged::gcc(&chroot, &kernel.release),
        cold: None,
        warm: None,
        cache: None,
        module: Ok(Vec::new()),
    };
    built.module = build(&chroot, kernel, &log, &mut built);
    if built.module.is_ok() {
        warm::keep(&chroot, cache)?;
    }
    Ok(built)
}

/// Returns what dkms-rust says about the kernel. For a kernel of our own, first provides its source
/// with the command that dkms-rust prints.
fn check(chroot: &Chroot, kernel: &Kernel, installed: &Root, log: &Path) -> Result<Check> {
    let check = packaged::check(chroot, &kernel.release)?;
    let Some((command, _)) = check
        .mend
        .as_ref()
        .and_then(|mend| mend.split_once(" DIRECTORY"))
    else {
        return Ok(check);
    };
    // The command also builds waiting modules at once. Clean up, so that the first measured build
    // starts with nothing.
    let source = installed.linux_source()?;
    let line = format!(
        "{command} {source} && dkms-rust clean -k '{}'",
        kernel.release
    );
    chroot.sh(&line).log(log).run()?;
    packaged::check(chroot, &kernel.release)
}

fn build(chroot: &Chroot, kernel: &Kernel, log: &Path, built: &mut Built) -> Result<Vec<u8>> {
    if !built.check.buildable {
        let reason = built.check.reason.as_deref().unwrap_or("no reason given");
        bail!("dkms-rust refuses: {reason}");
    }
    let dkms = || {
        let output = chroot
            .cmd("dkms")
            .args(["build", "--force", MODULE, "-k", &kernel.release])
            .log(log)
            .try_run()?;
        let error = make_log(chroot, &kernel.release, log)?;
        match output.status.success() {
            true => Ok(output.seconds),
            false => bail!("dkms build: {}: {error}", output.status),
        }
    };
    built.cold = Some(dkms()?);
    built.warm = Some(dkms()?);
    built.cache = kept(chroot)?;
    module(chroot, &kernel.release)
}

/// Returns the size of dkms-rust's cache in MiB. It has no cache if all kernels ship their
/// metadata.
fn kept(chroot: &Chroot) -> Result<Option<u64>> {
    let cache = chroot.path().join(CACHE);
    if !cache.exists() {
        return Ok(Some(0));
    }
    let used = Cmd::new("du").arg("-sm").arg(&cache).stdout()?;
    let size = used.split_whitespace().next();
    Ok(size.and_then(|word| word.parse().ok()))
}

/// Appends dkms's own log of a build, which alone contains the compiler's output, and returns the
/// first error in it.
fn make_log(chroot: &Chroot, release: &str, log: &Path) -> Result<String> {
    let place = chroot.path().join("var/lib/dkms").join(MODULE);
    // The first path is that of a failed build, the second that of a successful one.
    let text = fs::read_to_string(place.join("build/make.log"))
        .or_else(|_| fs::read_to_string(place.join(release).join("x86_64/log/make.log")))
        .unwrap_or_else(|error| format!("dkms left no make.log: {error}"));
    let mut file = OpenOptions::new()
        .append(true)
        .open(log)
        .with_context(|| format!("cannot open {}", log.display()))?;
    writeln!(file, "{text}").context("cannot write a log")?;
    Ok(first_error(&text))
}

/// Returns the paragraph of the first error, without the source lines that the compiler quotes.
fn first_error(text: &str) -> String {
    let words: Vec<&str> = text
        .lines()
        .skip_while(|line| !line.to_lowercase().contains("error"))
        .map(str::trim)
        .take_while(|line| !line.is_empty())
        .filter(|line| !line.contains('|'))
        .collect();
    match words.is_empty() {
        true => "its log names no error".to_owned(),
        false => words.join(" "),
    }
}

fn module(chroot: &Chroot, release: &str) -> Result<Vec<u8>> {
    let place = chroot
        .path()
        .join("var/lib/dkms")
        .join(MODULE)
        .join(release)
        .join("x86_64/module");
    // It is compressed if the kernel's own modules are.
    let file = files::list(&place)?
        .into_iter()
        .find(|path| path.to_string_lossy().contains(FILE))
        .with_context(|| format!("dkms left no module in {}", place.display()))?;
    let module = modules::decompressed(&file)?;
    let debug = b".debug_info";
    ensure!(
        !module.windows(debug.len()).any(|bytes| bytes == debug),
        "{} is not stripped",
        file.display()
    );
    Ok(module)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_error_is_told_without_the_drawing() {
        let log = "make: begin\nerror: proc macro panicked\n --> a.rs:1:1\n  |\n1 | module! {\n  |\n\
                   = help: message: no\n\nerror: aborting\n";
        let wanted = "error: proc macro panicked --> a.rs:1:1 = help: message: no";
        assert_eq!(first_error(log), wanted);
        assert_eq!(first_error("all well\n"), "its log names no error");
    }
}
