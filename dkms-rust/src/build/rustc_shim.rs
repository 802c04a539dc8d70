// SPDX-License-Identifier: GPL-2.0-only

//! Wraps the rustc and the bindgen that kbuild calls during a rebuild. The wrapper calls the real
//! programs, with arguments that skip what a module build never uses.
//!
//! - The kernel's crates get `-Zno-codegen`, so rustc makes no object code. kbuild still asks for
//!   an object, because only then does rustc put the same MIR into the metadata as in a build of
//!   the kernel. With `--emit=metadata` alone, modules fail with "missing optimized MIR".
//! - Nothing gets debug information. A quarter of the time was spent on carrying variable names
//!   through the MIR optimisations, only for debuggers that look into inlined code of these crates.
//! - The libraries of the procedural macros are not optimised. They run for seconds, and optimising
//!   them would take a minute. The same holds for the program that writes the target's description.
//! - Warnings are off: they are for kernel developers. rustc does not get the list of lints, which
//!   differs between series, because crates with other arguments are not shared.
//! - If another kernel's tree has the same crate, it is copied from there: [`crate::build::parts`].
//! - `core` is built from the thin library of [`crate::build::thin_core`]. If that does not
//!   compile, it is built from the whole library.
//! - A tree is not made in its final directory. So the paths in the metadata, and with them those
//!   in the modules, do not contain the directory in which the tree was made.
//! - For linked modules, the crates get the flags of [`crate::build::runtime`] instead, and object
//!   code.
//! - The bindings are ten megabytes. bindgen does not pass them to rustfmt, even if it is
//!   installed.
//! - All compilers except those in the longest chains of crates (core, then bindings or zerocopy,
//!   then kernel) run at a lower priority.
//! - If an allocator that is faster than libc's is installed, the compilers use it.
//!
//! kbuild takes the name of each compiler as a single word. So the wrapper is dkms-rust itself,
//! called through a link with the name [`RUSTC`] or [`BINDGEN`].

use crate::build::parts::{self, Part};
use crate::build::runtime;
use crate::system::said::DISK_FULL;
use crate::system::trusted::trusted_path;
use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode, ExitStatus, Output, Stdio};

/// The name under which dkms-rust acts as rustc.
pub const RUSTC: &str = "rustc-for-metadata";

/// The name under which dkms-rust acts as bindgen.
pub const BINDGEN: &str = "bindgen-for-metadata";

/// The environment variable with the path of the real rustc.
pub const REAL_RUSTC: &str = "DKMS_RUST_RUSTC";

/// The environment variable with the path of the real bindgen.
pub const REAL_BINDGEN: &str = "DKMS_RUST_BINDGEN";

/// The environment variable with the path of the thin library, if there is one.
pub const THIN: &str = "DKMS_RUST_THIN";

/// The environment variable that is set if the tree is for linked modules.
pub const RUNTIME: &str = "DKMS_RUST_RUNTIME";

/// The crates in the longest dependency chains: a delay of one of them delays the whole rebuild.
const CHAINS: [&str; 4] = ["core", "bindings", "zerocopy", "kernel"];

/// The nice value of all other compilers. They yield to the longest chains, but not to everything
/// else on the machine.
const STEP: i32 = 5;

/// Linked modules carry the parts of `core` that they use. As in the `core` that Rust ships, its
/// own arithmetic can't overflow and is not checked. With checks, each module that formats would
/// carry the code for panics, since 1.96. Arithmetic that `core` does on a module's behalf is still
/// checked as the module's own is.
const UNCHECKED: &str = "-Coverflow-checks=n";

/// The options that set the level of a lint.
const LINTS: [&str; 4] = ["-A", "-D", "-F", "-W"];

/// A faster allocator than libc's.
const ALLOCATOR: &str = "libjemalloc.so.2";

/// Acts as the real rustc or bindgen if this process was started under one of the two names.
pub fn run_if_called_as_compiler() -> Option<ExitCode> {
    let mut args = env::args_os();
    let called = args.next()?;
    let name = Path::new(&called).file_name()?.to_str()?;
    let variable = match name {
        RUSTC => REAL_RUSTC,
        BINDGEN => REAL_BINDGEN,
        _ => return None,
    };
    let Some(real) = env::var_os(variable) else {
        eprintln!("{name}: {variable} is not set; only dkms-rust runs this program");
        return Some(ExitCode::FAILURE);
    };
    let mut args: Vec<_> = args.collect();
    if !is_in_chain(&args) {
        rustix::process::nice(STEP).ok();
    }
    if name == RUSTC {
        args = adapt(args, env::var_os(RUNTIME).is_some());
        if let Ok(tree) = env::current_dir() {
            args = relocate(args, &tree);
        }
    } else {
        args = unformatted(args);
    }
    let compiled = match env::var_os(THIN).and_then(|thin| with_thin_core(&args, Path::new(&thin)))
    {
        Some(thin) => match compile(&real, thin, Stdio::piped()) {
            // The thin library did not compile: try the whole one, unless the disk is full.
            Ok(output) if output.status.code() == Some(1) && !is_disk_full(&output.stderr) => {
                compile(&real, args, Stdio::inherit())
            }
            other => other,
        },
        None if name == RUSTC => compile(&real, args, Stdio::inherit()),
        None => Err(compiler(&real, args).exec()),
    };
    match compiled {
        Ok(output) if output.status.success() => return Some(ExitCode::SUCCESS),
        Ok(output) => {
            io::stderr().write_all(&output.stderr).ok();
            eprintln!("{name}: {}", output.status);
        }
        Err(error) => eprintln!("{name}: can't run {}: {error}", Path::new(&real).display()),
    }
    Some(ExitCode::FAILURE)
}

/// Runs rustc with these arguments, or copies its results from another tree.
fn compile(rustc: &OsStr, args: Vec<OsString>, stderr: Stdio) -> io::Result<Output> {
    let part = Part::of(Path::new(rustc), &args, &env::current_dir()?);
    let cache = env::var_os(parts::CACHE);
    if let (Some(part), Some(cache)) = (&part, cache) {
        if part.take(Path::new(&cache)) {
            return Ok(Output {
                status: ExitStatus::default(),
                stdout: Vec::new(),
                stderr: Vec::new(),
            });
        }
    }
    let mut compiler = compiler(rustc, args);
    let output = compiler.stdout(Stdio::inherit()).stderr(stderr).output()?;
    if let (Some(part), true) = (&part, output.status.success()) {
        part.keep();
    }
    Ok(output)
}

fn is_disk_full(said: &[u8]) -> bool {
    String::from_utf8_lossy(said).contains(DISK_FULL)
}

fn compiler(real: &OsStr, args: Vec<OsString>) -> Command {
    let mut command = Command::new(real);
    command.args(args);
    let allocator = Path::new("/usr/lib")
        .join(format!("{}-linux-gnu", env::consts::ARCH))
        .join(ALLOCATOR);
    if trusted_path(&allocator).is_ok() {
        command.env("LD_PRELOAD", allocator);
    }
    command
}

/// Returns whether the arguments are for a crate of [`CHAINS`]. bindgen's arguments name no crate.
fn is_in_chain(args: &[OsString]) -> bool {
    crate_name(args).is_some_and(|name| CHAINS.contains(&name))
}

fn crate_name(args: &[OsString]) -> Option<&str> {
    let name = args.iter().skip_while(|arg| *arg != "--crate-name").nth(1);
    name.and_then(|name| name.to_str())
}

/// Turns kbuild's arguments into those for the real rustc. `linked` says that the tree is for linked
/// modules.
fn adapt(mut args: Vec<OsString>, linked: bool) -> Vec<OsString> {
    let metadata = makes_metadata(&args);
    if !metadata && !has(&args, "--emit=link=") {
        return args;
    }
    args.retain(|arg| !LINTS.iter().any(|level| starts(arg, level)));
    args.push("--cap-lints=allow".into());
    if metadata {
        let code: &[&str] = if linked {
            &runtime::RUSTC_FLAGS
        } else {
            &["-Zno-codegen"]
        };
        args.extend(code.iter().map(Into::into));
        if linked && crate_name(&args) == Some("core") {
            args.push(UNCHECKED.into());
        }
        args.push("-Cdebuginfo=0".into());
    } else {
        args.retain(|arg| arg != "-O");
        let quick = ["-Copt-level=0", "-Cdebug-assertions=n", "-Cstrip=debuginfo"];
        args.extend(quick.map(Into::into));
    }
    args
}

/// Turns formatting off in bindgen's arguments. Does not change queries such as `--version`.
fn unformatted(mut args: Vec<OsString>) -> Vec<OsString> {
    if args.iter().any(|arg| arg == "-o") {
        args.insert(0, "--formatter=none".into());
    }
    args
}

/// Adds arguments that remove `tree` from the crate's paths. This includes the paths of generated
/// files, and those that rustc makes absolute.
fn relocate(mut args: Vec<OsString>, tree: &Path) -> Vec<OsString> {
    if has(&args, "--emit=") {
        // kbuild's own mapping may apply to some uses of a path only.
        for arg in &mut args {
            if starts(arg, "--remap-path-scope=") {
                *arg = "--remap-path-scope=all".into();
            }
        }
        args.push(remap(tree, Path::new("")));
    }
    args
}

/// Returns the arguments that build `core` from the library at `thin`, or `None` for other crates.
fn with_thin_core(args: &[OsString], thin: &Path) -> Option<Vec<OsString>> {
    const ROOT: &str = "core/src/lib.rs";
    if !makes_metadata(args) {
        return None;
    }
    let at = args.iter().position(|arg| Path::new(arg).ends_with(ROOT))?;
    let library = Path::new(&args[at]).ancestors().nth(3)?;
    let mut thin_args = args.to_vec();
    thin_args[at] = thin.join(ROOT).into();
    // `core` does not depend on the kernel's configuration. Without it, kernels can share the
    // result.
    thin_args.retain(|arg| !(starts(arg, "@") && Path::new(arg).ends_with("rustc_cfg")));
    thin_args.push(remap(thin, library));
    Some(thin_args)
}

fn remap(from: &Path, to: &Path) -> OsString {
    let mut arg = OsString::from("--remap-path-prefix=");
    arg.push(from);
    arg.push("=");
    arg.push(to);
    arg
}

fn makes_metadata(args: &[OsString]) -> bool {
    has(args, "--emit=obj=") && has(args, "--emit=metadata=")
}

fn has(args: &[OsString], start: &str) -> bool {
    args.iter().any(|arg| starts(arg, start))
}

fn starts(arg: &OsStr, start: &str) -> bool {
    arg.as_encoded_bytes().starts_with(start.as_bytes())
}

#[cfg(test)]
#[path = "rustc_shim_tests.rs"]
mod tests;
