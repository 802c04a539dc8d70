// SPDX-License-Identifier: GPL-2.0-only

//! The rustc that kbuild calls while metadata is rebuilt: the real one, told to skip what a
//! module build never uses.
//!
//! - The kernel's crates get `-Zno-codegen`: no object code. kbuild still asks for it, and that
//!   is what makes rustc put into the metadata all the MIR that it puts there when the kernel is
//!   built; with `--emit=metadata` alone modules fail with "missing optimized MIR".
//! - Nothing gets debug information: a fourth of the time went into carrying variables' names
//!   through the optimisations of MIR, for a debugger that looks into what was inlined from here.
//! - The procedural macros' libraries are not optimised: they run for seconds and would be
//!   optimised for a minute.
//! - Warnings are for those who develop the kernel.
//!
//! dkms-rust is called by the name [`NAME`], through a link, since kbuild takes `RUSTC` for one
//! word.

use std::env;
use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};

/// The name under which dkms-rust is this shim.
pub const NAME: &str = "rustc-for-metadata";

/// The environment variable with the real rustc's path.
pub const REAL: &str = "DKMS_RUST_RUSTC";

/// Becomes the real rustc if this process was started under the name [`NAME`].
pub fn run_if_called_as_rustc() -> Option<ExitCode> {
    let mut args = env::args_os();
    let called = args.next()?;
    if Path::new(&called).file_name() != Some(OsStr::new(NAME)) {
        return None;
    }
    let Some(real) = env::var_os(REAL) else {
        eprintln!("{NAME}: {REAL} is not set; only dkms-rust starts this");
        return Some(ExitCode::FAILURE);
    };
    let error = Command::new(&real).args(adapt(args.collect())).exec();
    eprintln!("{NAME}: can't run {}: {error}", Path::new(&real).display());
    Some(ExitCode::FAILURE)
}

/// The arguments that the real rustc gets for those of kbuild.
fn adapt(mut args: Vec<OsString>) -> Vec<OsString> {
    let has = |start: &str| {
        args.iter()
            .any(|arg| arg.as_encoded_bytes().starts_with(start.as_bytes()))
    };
    if has("--emit=obj=") && has("--emit=metadata=") {
        args.extend(["-Zno-codegen", "-Cdebuginfo=0", "--cap-lints=allow"].map(Into::into));
    } else if has("--emit=link=") {
        args.retain(|arg| arg != "-O");
        args.extend(
            [
                "-Copt-level=0",
                "-Cdebug-assertions=n",
                "-Cstrip=debuginfo",
                "--cap-lints=allow",
            ]
            .map(Into::into),
        );
    }
    args
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adapted(args: &str) -> String {
        let args = args.split(' ').map(Into::into).collect();
        adapt(args).join(OsStr::new(" ")).into_string().unwrap()
    }

    #[test]
    fn a_kernel_crate_gets_metadata_but_no_object_code() {
        let args = "--emit=obj=rust/core.o --emit=metadata=rust/libcore.rmeta -Copt-level=2 lib.rs";
        assert_eq!(
            adapted(args),
            format!("{args} -Zno-codegen -Cdebuginfo=0 --cap-lints=allow")
        );
    }

    #[test]
    fn a_macro_s_library_is_not_optimised() {
        assert_eq!(
            adapted("--emit=link=libsyn.rlib --crate-type rlib -O lib.rs"),
            "--emit=link=libsyn.rlib --crate-type rlib lib.rs -Copt-level=0 \
             -Cdebug-assertions=n -Cstrip=debuginfo --cap-lints=allow"
        );
    }

    #[test]
    fn a_question_is_passed_on_as_it_is() {
        for args in [
            "--version --verbose",
            "--print sysroot",
            "--print file-names - x",
        ] {
            assert_eq!(adapted(args), args);
        }
    }
}
