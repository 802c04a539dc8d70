// SPDX-License-Identifier: GPL-2.0-only

//! Wraps the rustc that kbuild calls for a linked module. After the real rustc, it links the needed
//! parts of the [`runtime`](crate::build::runtime) into the object.
//!
//! This happens here and not when the module is linked, so that objtool, modpost and modversions
//! check the result like any other object.

use crate::build::symbols::{Symbols, exported};
use anyhow::{Context, Result, bail, ensure};
use std::collections::{BTreeSet, HashSet};
use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// The name under which dkms-rust acts as rustc. It is called through a link in the runtime's
/// directory.
pub const NAME: &str = "rustc-for-module";

/// The name under which dkms-rust acts as clippy, for `make CLIPPY=1`.
pub const CLIPPY: &str = "clippy-for-module";

/// The link to the real rustc, in the same directory.
pub const RUSTC: &str = "rustc";

/// The real clippy, beside the real rustc or in PATH.
const CLIPPY_DRIVER: &str = "clippy-driver";

/// The linker script that merges the runtime's sections.
pub const SCRIPT: &str = "merge.lds";

/// Functions whose format string may contain `%pA`, which only kernels with Rust know. The runtime
/// has a `__wrap_` function for each.
pub const WRAPPED: [&str; 3] = ["_printk", "_dev_printk", "seq_printf"];

/// A file in the runtime's directory with more functions of this kind, one per line. The runtime
/// has no `__wrap_` function for them.
pub const FORMATTERS: &str = "formatters";

/// The environment variable with the path of a file. If a module is refused because it calls one of
/// these functions, the function's name is written to that file.
pub const REFUSED: &str = "DKMS_RUST_REFUSED";

/// The function that formats `%pA`. It is the only function of the crates that C calls.
const FORMAT: &str = "rust_fmt_argument";

/// Compiles and links if this process was started under the name [`NAME`] or [`CLIPPY`].
pub fn run_if_called_as_rustc() -> Option<ExitCode> {
    let mut args = env::args_os();
    let called = PathBuf::from(args.next()?);
    let runtime = called.parent().unwrap_or(Path::new("."));
    let rustc = match called.file_name().and_then(OsStr::to_str) {
        Some(NAME) => runtime.join(RUSTC),
        Some(CLIPPY) => clippy(&runtime.join(RUSTC)),
        _ => return None,
    };
    Some(
        compile(runtime, &rustc, &args.collect::<Vec<_>>()).unwrap_or_else(|error| {
            eprintln!("dkms-rust: {error:#}");
            ExitCode::FAILURE
        }),
    )
}

/// Returns the clippy that belongs to a rustc. `rustc` is a link.
fn clippy(rustc: &Path) -> PathBuf {
    let real = fs::read_link(rustc).unwrap_or_default();
    let beside = real.with_file_name(CLIPPY_DRIVER);
    match beside.is_file() {
        true => beside,
        false => CLIPPY_DRIVER.into(),
    }
}

fn compile(runtime: &Path, rustc: &Path, args: &[OsString]) -> Result<ExitCode> {
    let status = Command::new(rustc)
        .args(args)
        .status()
        .with_context(|| format!("can't run {}", rustc.display()))?;
    if !status.success() {
        let code = status.code().and_then(|code| u8::try_from(code).ok());
        return Ok(ExitCode::from(code.unwrap_or(1)));
    }
    if let Some(object) = object(args)? {
        let linked = link_into(runtime, &object);
        for end in [PART, WHOLE, KEPT, STRIPPED, ROOTS] {
            fs::remove_file(beside(&object, end)).ok();
        }
        linked.with_context(|| format!("can't link Rust's runtime into {}", object.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns the object that rustc was asked to make.
fn object(args: &[OsString]) -> Result<Option<PathBuf>> {
    for arg in args {
        let text = arg.to_string_lossy();
        if let Some(path) = text.strip_prefix("--emit=obj=") {
            ensure!(arg.to_str().is_some(), "the name of {path} is not UTF-8");
            return Ok(Some(path.into()));
        }
    }
    Ok(None)
}

const PART: &str = "runtime";
const WHOLE: &str = "linked";
const KEPT: &str = "kept";
const STRIPPED: &str = "stripped";
const ROOTS: &str = "roots";

fn beside(object: &Path, end: &str) -> PathBuf {
    let mut name = object.as_os_str().to_owned();
    name.push(".");
    name.push(end);
    name.into()
}

/// Links the parts of the runtime that `object` needs into it.
fn link_into(runtime: &Path, object: &Path) -> Result<()> {
    let module = Symbols::of(object)?;
    let tree = runtime.join("../..");
    let symvers = tree.join("Module.symvers");
    let symvers = fs::read_to_string(&symvers).with_context(|| symvers.display().to_string())?;
    let exported = exported(&symvers);
    let crates = runtime.join("crates.a");
    let offered = Symbols::of_archive(&crates)?;
    // The kernel may export some of the same names, such as rust_begin_unwind. Its code is from
    // another rustc or another source, so don't use it.
    let mut roots: BTreeSet<&str> = module
        .needed
        .iter()
        .map(String::as_str)
        .filter(|name| offered.contains(*name))
        .collect();
    let substitutes = substitutes(&module, &exported, &offered);
    roots.extend(substitutes.iter().map(|(_, substitute)| &**substitute));

    let mut whole = join(runtime, object, &roots, &substitutes)?;
    if whole.needed.contains(FORMAT) && roots.insert(FORMAT) {
        whole = join(runtime, object, &roots, &substitutes)?;
    }
    // Symbols that are still missing may be in other objects of the module or in other modules.
    // modpost checks that.
    let formatters = fs::read_to_string(runtime.join(FORMATTERS)).unwrap_or_default();
    if let Some(name) = formatters.lines().find(|name| whole.needed.contains(*name)) {
        if let Some(file) = env::var_os(REFUSED) {
            fs::write(file, name).ok();
        }
        bail!(
            "it passes Rust's fmt::Arguments to the kernel's {name}, which another rustc compiled"
        );
    }

    own_names(object, &module, &whole)
}

/// Returns the functions that the compiler calls in this module (128-bit division, floating point)
/// and that the kernel does not export, each with its stand-in. The kernel's crates have a stand-in
/// for each, which panics.
fn substitutes<'a>(
    module: &'a Symbols,
    exported: &HashSet<&str>,
    offered: &BTreeSet<String>,
) -> Vec<(&'a String, String)> {
    let missing = module
        .needed
        .iter()
        .filter(|name| !exported.contains(name.as_str()));
    missing
        .map(|name| (name, format!("__rust{name}")))
        .filter(|(_, substitute)| offered.contains(substitute))
        .collect()
}

/// The name of no symbol: without any name in its list, objcopy would keep all.
const NOBODY: &str = "dkms-rust: none";

/// Puts the linked object in the place of `object`, with no more global names than that had: a
/// module may have several Rust objects, each with its own copy of the runtime.
fn own_names(object: &Path, module: &Symbols, whole: &Symbols) -> Result<()> {
    let path = beside(object, WHOLE);
    let mut objcopy = tool("OBJCOPY", "objcopy");
    list(
        &mut objcopy,
        "--keep-global-symbols",
        beside(object, KEPT),
        module.defined.iter().chain([&NOBODY.to_owned()]),
    )?;
    list(
        &mut objcopy,
        "--strip-symbols",
        beside(object, STRIPPED),
        &whole.unused,
    )?;
    run(objcopy.arg(&path))?;
    fs::rename(&path, object).with_context(|| format!("can't replace {}", object.display()))
}

/// Adds an option with a file that has one name per line. There may be too many names for a command
/// line.
fn list<'a>(
    command: &mut Command,
    option: &str,
    file: PathBuf,
    names: impl IntoIterator<Item = &'a String>,
) -> Result<()> {
    let lines: String = names.into_iter().map(|name| format!("{name}\n")).collect();
    if lines.is_empty() {
        return Ok(()); // objcopy rejects an empty file.
    }
    fs::write(&file, lines).with_context(|| format!("can't write {}", file.display()))?;
    command.arg(format!("{option}={}", file.display()));
    Ok(())
}

/// Links `object` with the `roots` from the crates, and the helpers that these or `object` need.
fn join(
    runtime: &Path,
    object: &Path,
    roots: &BTreeSet<&str>,
    substitutes: &[(&String, String)],
) -> Result<Symbols> {
    let (part, whole) = (beside(object, PART), beside(object, WHOLE));
    let mut ld = tool("LD", "ld");
    ld.arg("-r");
    ld.args(WRAPPED.map(|name| format!("--wrap={name}")));
    ld.args(
        substitutes
            .iter()
            .map(|(name, substitute)| format!("--defsym={name}={substitute}")),
    );
    ld.arg(object);
    if !roots.is_empty() {
        pick(runtime, roots, &part, object)?;
        ld.arg(&part);
    }
    ld.arg(runtime.join("helpers.a"));
    run(ld.arg("-o").arg(&whole))?;
    Symbols::of(&whole)
}

/// Makes `part` from the `roots` and everything that they use in the crates.
fn pick(runtime: &Path, roots: &BTreeSet<&str>, part: &Path, object: &Path) -> Result<()> {
    let mut ld = tool("LD", "ld");
    ld.args(["-r", "--gc-sections", "-T"])
        .arg(runtime.join(SCRIPT));
    let script = beside(object, ROOTS);
    let lines = roots.iter().map(|root| format!("--undefined={root}\n"));
    fs::write(&script, lines.collect::<String>())?;
    ld.arg(format!("@{}", script.display()));
    ld.arg("--whole-archive").arg(runtime.join("crates.a"));
    run(ld.arg("-o").arg(part))?;
    // Names that only dropped sections used would pull in more.
    let mut objcopy = tool("OBJCOPY", "objcopy");
    let unused = Symbols::of(part)?.unused;
    list(
        &mut objcopy,
        "--strip-symbols",
        beside(object, STRIPPED),
        &unused,
    )?;
    run(objcopy.arg(part))
}

/// Returns a tool, as kbuild names it in the environment.
fn tool(variable: &str, default: &str) -> Command {
    Command::new(env::var_os(variable).unwrap_or_else(|| default.into()))
}

fn run(command: &mut Command) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command
        .status()
        .with_context(|| format!("can't run {name}"))?;
    if !status.success() {
        bail!("{name} failed ({status})");
    }
    Ok(())
}

#[cfg(test)]
#[path = "link_runtime_tests.rs"]
mod tests;
