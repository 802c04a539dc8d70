// SPDX-License-Identifier: GPL-2.0-only

//! Checks that all that a Rust module may use of the `kernel` crate is there, whether the kernel
//! provides it or dkms-rust linked it into the module. The modules are in
//! `dkms-rust/tests/modules`.

use std::fs;
use std::fs::File;
use std::os::fd::AsRawFd as _;
use std::path::Path;

use anyhow::Context as _;
use anyhow::ensure;
use nix::sys::wait::WaitStatus;
use nix::sys::wait::waitpid;

use super::Case;
use super::Context;
use crate::check::same;
use crate::check::skip;
use crate::kmsg::Cursor;
use crate::module;
use crate::process::fork_to;

/// A suite of its own, without the driver.
pub const CASES: &[Case] = &[
    Case::any("runtime-what-a-module-uses", what_a_module_uses),
    Case::any("runtime-stack-trace", stack_trace),
    Case::any("runtime-own-helpers", |_| {
        says(
            &["own_helpers"],
            &["own_helpers: 2 pages are 8192 bytes, 3 is odd"],
        )
    }),
    Case::any("runtime-several-crates", |_| {
        says(
            &["crates"],
            &[
                "crates: a library of the module says 5",
                "crates: squares [0, 1, 4, 9], sum 14, calls 2, from C 17",
            ],
        )
    }),
    Case::any("runtime-exports", |_| {
        says(
            &["exports_provider", "exports_user"],
            &["exports_user: 6 * 7 = 42"],
        )
    }),
    Case::any("runtime-exports-of-another-directory", |_| {
        says(
            &["apart_provider", "apart_user"],
            &["apart_user: 21 doubled is 42"],
        )
    }),
    Case::any("runtime-firmware", |_| {
        says(&["firmware"], &["firmware: 8 bytes"])
    }),
    Case::any("runtime-glob-of-constants", |_| {
        says(
            &["glob"],
            &["glob: 2 is inet, 5 is appletalk, 77 is unknown"],
        )
    }),
    Case::any("runtime-default-of-a-structure", |_| {
        says(&["default"], &["default: open is none: true, 0"])
    }),
    Case::any("runtime-source-outside", |_| {
        says(
            &["outside"],
            &["outside: code from above the build's directory"],
        )
    }),
    Case::any("runtime-many-symbols", |_| {
        says(&["large"], &["large: 16384 statics, the last is 255"])
    }),
    Case::any("runtime-formats", formats),
    // Last, since the module stays half loaded.
    Case::any("runtime-panic", panic).warns(),
];

/// What `exercise` logs, from its load to its unload.
const SAYS: [&str; 8] = [
    "exercise: vector 338350",
    "exercise: mutex 42",
    "exercise: format |   42|ab   |0xff|00000007|(\"a\", 'x')|",
    "exercise: wide -9223372036854775808 18446744073709551615",
    "exercise: error EINVAL ENOMEM",
    "exercise: fault Err(EFAULT) Err(EFAULT)",
    "exercise: trace done",
    "exercise: bye 42",
];

/// What `formats` logs: through printk when it is loaded, through dev_printk when its device is
/// opened, and when the open file's description is read.
const FORMATS: [&str; 3] = [
    "formats: printk   -42 0xff",
    "misc formats: device   -42 0xff",
    "misc formats: 600 lines",
];

/// The calls while `exercise` formats, the innermost first, as parts of mangled names.
const CALLS: [&str; 4] = [
    "5Trace",
    "4core3fmt5write",
    "rust_fmt_argument",
    "6Module4init",
];

/// Loads and unloads `exercise`; returns the kernel's log of that time.
fn exercise() -> anyhow::Result<Vec<String>> {
    let mut log = Cursor::at_end()?;
    module::load_file("/exercise.ko".as_ref()).context("loading /exercise.ko")?;
    module::unload("exercise").context("unloading exercise")?;
    let records = log.new_records()?;
    Ok(records.into_iter().map(|record| record.text).collect())
}

/// Loads modules in this order, unloads them in reverse, and looks for lines in the kernel log.
fn says(modules: &[&str], lines: &[&str]) -> anyhow::Result<()> {
    let mut log = Cursor::at_end()?;
    for module in modules {
        let file = format!("/{module}.ko");
        module::load_file(file.as_ref()).with_context(|| format!("loading {file}"))?;
    }
    for module in modules.iter().rev() {
        module::unload(module).with_context(|| format!("unloading {module}"))?;
    }
    log.has_lines(lines)
}

/// Checks that text formatted by Rust is right with every C function that prints it: printk,
/// dev_printk, and seq_printf, the last also with more than a page.
fn formats(_: &Context) -> anyhow::Result<()> {
    const MODULE: &str = "/formats.ko";
    if !Path::new(MODULE).exists() {
        return skip("the kernel's crate has no files with a description of their own");
    }
    let mut log = Cursor::at_end()?;
    module::load_file(MODULE.as_ref()).context("loading it")?;
    let description = {
        let file = File::open("/dev/formats").context("opening its device")?;
        let path = format!("/proc/self/fdinfo/{}", file.as_raw_fd());
        fs::read_to_string(path).context("reading its description")?
    };
    module::unload("formats").context("unloading it")?;
    let numbered = (0..600).map(|number| format!("line {number:04}"));
    let wanted: Vec<_> = ["file   -42 0xff".to_owned()]
        .into_iter()
        .chain(numbered)
        .collect();
    let lines: Vec<_> = description.lines().map(str::to_owned).collect();
    // The kernel's own lines come first.
    ensure!(
        lines.ends_with(&wanted),
        "the description ends otherwise: {lines:#?}"
    );
    log.has_lines(&FORMATS)
}

fn what_a_module_uses(_: &Context) -> anyhow::Result<()> {
    let log = exercise()?;
    // Leave out the kernel's own line, which says that an out-of-tree module is loaded.
    let says: Vec<_> = log
        .iter()
        .map(String::as_str)
        .filter(|line| line.starts_with("exercise: ") && !line.contains("taint"))
        .collect();
    same("what the module says", says, SAYS.to_vec())
}

/// The unwinder must find its way from the value that is formatted, through the formatting code,
/// back to the module, without a guess (a line with a question mark).
fn stack_trace(_: &Context) -> anyhow::Result<()> {
    let log = exercise()?;
    let mut calls = CALLS.iter().peekable();
    for line in log.iter().filter(|line| !line.contains(" ? ")) {
        calls.next_if(|call| line.contains(**call));
    }
    ensure!(
        calls.peek().is_none(),
        "no {:?} in the stack trace, or not in its place: {log:#?}",
        calls.collect::<Vec<_>>()
    );
    Ok(())
}

/// A panic logs its reason and ends in a BUG, which kills the process that met it.
fn panic(_: &Context) -> anyhow::Result<()> {
    let mut log = Cursor::at_end()?;
    let child = fork_to(|| module::load_file("/panics.ko".as_ref()).context("loading /panics.ko"))?;
    let end = waitpid(child, None).context("waiting for the child")?;
    ensure!(
        matches!(end, WaitStatus::Signaled(..)),
        "the kernel did not kill the loader: {end:?}"
    );
    let log: Vec<_> = log
        .new_records()?
        .into_iter()
        .map(|record| record.text)
        .collect();
    for text in [
        "rust_kernel: panicked at",
        "index out of bounds: the len is 3 but the index is 7",
        "kernel BUG at",
    ] {
        ensure!(
            log.iter().any(|line| line.contains(text)),
            "the log has no {text:?}: {log:#?}"
        );
    }
    Ok(())
}
