// SPDX-License-Identifier: GPL-2.0-only

//! The rustc that built the kernel, chosen by asking and never by its name; for a kernel without
//! Rust, one that is new enough.

use crate::kernel::class::Class;
use crate::kernel::headers::Kernel;
use crate::kernel::refusal::Refusal;
use crate::system::dpkg;
use crate::system::run::answer;
use crate::system::trusted::trusted;
use crate::toolchain::programs::in_path;
use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A rustc, and what it says it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rustc {
    /// Where it is.
    pub path: PathBuf,
    /// The first line of `--version`, such as `rustc 1.85.1 (4eb161250 2025-03-15)`.
    pub version: String,
}

/// The oldest rustc that any kernel from 6.12 on is built with; what a newer kernel wants more,
/// its own `rust_is_available.sh` says.
const OLDEST: u32 = 107_800;

impl Rustc {
    /// Finds the rustc that the kernel (or its metadata) was built with; for a kernel without
    /// Rust the system's own, if it is new enough.
    ///
    /// # Errors
    ///
    /// A refusal that names the rustc that is wanted, those that are there, and the package that
    /// has it.
    pub fn of(kernel: &Kernel, class: Class) -> Result<Self, Refusal> {
        if class == Class::NoRust {
            let found = candidates().into_iter().filter_map(ask).collect();
            return newest_enough(found)
                .map_err(|why| Refusal::new(&kernel.release, why, "apt install rustc rust-src"));
        }
        let Some(wanted) = kernel.config.get("RUSTC_VERSION_TEXT") else {
            let why = "its configuration does not say which rustc built it";
            return Err(Refusal::final_(&kernel.release, why));
        };
        let found: Vec<_> = candidates().into_iter().filter_map(ask).collect();
        choose(wanted, &found).map_err(|why| Refusal::new(&kernel.release, why, mend(wanted)))
    }

    /// Its version as the kernel counts: 108501 for 1.85.1.
    pub fn number(&self) -> Option<u32> {
        counted(self.version.split(' ').nth(1)?)
    }

    /// The source of `core`, which comes with the package rust-src.
    ///
    /// # Errors
    ///
    /// A refusal if it is not there.
    pub fn library(&self, kernel: &Kernel) -> Result<PathBuf, Refusal> {
        let sysroot = answer(Command::new(&self.path).args(["--print", "sysroot"]));
        sysroot
            .map(|sysroot| Path::new(&sysroot).join("lib/rustlib/src/rust/library"))
            .filter(|library| library.join("core/src/lib.rs").is_file())
            .ok_or_else(|| {
                let why = format!(
                    "the source of Rust's library for {} is missing",
                    self.version
                );
                let mend = "apt install rust-src (for rustup: rustup component add rust-src)";
                Refusal::new(&kernel.release, why, mend)
            })
    }
}

/// The one of `found` that says it is `wanted`; otherwise why none is.
fn choose(wanted: &str, found: &[Rustc]) -> Result<Rustc, String> {
    if let Some(rustc) = found.iter().find(|rustc| rustc.version == wanted) {
        return Ok(rustc.clone());
    }
    Err(format!(
        "it was built by {wanted:?}, and only that can build modules for it; {}",
        there(found)
    ))
}

/// The system's own rustc if it will do, or else any other.
fn newest_enough(mut found: Vec<Rustc>) -> Result<Rustc, String> {
    found.sort_by_key(|rustc| rustc.path != Path::new("/usr/bin/rustc"));
    let will_do = |rustc: &&Rustc| rustc.number() >= Some(OLDEST);
    if let Some(rustc) = found.iter().find(will_do) {
        return Ok(rustc.clone());
    }
    Err(format!(
        "it has no Rust, and to compile what modules need of it takes rustc {}.{} or newer; {}",
        OLDEST / 100_000,
        OLDEST / 100 % 1000,
        there(&found)
    ))
}

/// `1.85.1` as 108501.
fn counted(version: &str) -> Option<u32> {
    let mut parts = version
        .split(['.', '-'])
        .map(|part| part.parse::<u32>().ok());
    let (major, minor) = (parts.next()??, parts.next()??);
    Some(major * 100_000 + minor * 100 + parts.next()??)
}

fn there(found: &[Rustc]) -> String {
    if found.is_empty() {
        return "there is none".into();
    }
    let name = |rustc: &Rustc| format!("{} is {:?}", rustc.path.display(), rustc.version);
    found.iter().map(name).collect::<Vec<_>>().join(", ")
}

/// What to install for `rustc 1.85.1 (4eb161250 2025-03-15)`.
fn mend(wanted: &str) -> String {
    let number = wanted.split(' ').nth(1).unwrap_or(wanted);
    let series = number.rsplit_once('.').map_or(number, |(series, _)| series);
    let versioned = format!("rustc-{series}");
    match dpkg::installable(&["rustc", &versioned], number) {
        Some(package) => format!("apt install {package}"),
        None => format!(
            "install rustc {number}: the package rustc or {versioned} of the suite that the \
             kernel is from (none of apt's sources has it now)"
        ),
    }
}

fn ask(path: PathBuf) -> Option<Rustc> {
    let answer = answer(Command::new(&path).arg("--version"))?;
    let version = answer.lines().next()?.to_owned();
    let path = if is_proxy(&path) {
        behind(&path).unwrap_or(path)
    } else {
        path
    };
    Some(Rustc { path, version })
}

/// Whether it is rustup's stand-in, which picks a toolchain anew in every folder: it has no
/// libraries beside it. Looking saves one start of rustc.
fn is_proxy(rustc: &Path) -> bool {
    let above = rustc.parent().and_then(Path::parent);
    !above.is_some_and(|above| above.join("lib/rustlib").is_dir())
}

/// The rustc that a stand-in stands for.
fn behind(proxy: &Path) -> Option<PathBuf> {
    let sysroot = answer(Command::new(proxy).args(["--print", "sysroot"]))?;
    Some(Path::new(&sysroot).join("bin/rustc")).filter(|rustc| rustc.is_file())
}

/// Every rustc that could be the one: in PATH by its name or its versioned name, and those of
/// rustup's toolchains.
fn candidates() -> BTreeSet<PathBuf> {
    let mut all = in_path("rustc");
    all.extend(rustup());
    all
}

/// The compilers of rustup's toolchains that nobody else could have put there.
fn rustup() -> Vec<PathBuf> {
    let home = env::var_os("RUSTUP_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".rustup")));
    let Some(toolchains) = home.map(|home| home.join("toolchains")) else {
        return Vec::new();
    };
    let Ok(entries) = fs::read_dir(&toolchains) else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| Some(entry.ok()?.path().join("bin/rustc")))
        .filter(|rustc| trusted(&toolchains).is_ok() && trusted(rustc).is_ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::headers::tests::make_installed;
    use crate::system::System;

    fn rustc(path: &str, version: &str) -> Rustc {
        Rustc {
            path: path.into(),
            version: version.into(),
        }
    }

    #[test]
    fn a_configuration_that_names_no_rustc_is_refused() {
        let root = tempfile::tempdir().unwrap();
        make_installed(root.path(), "7.3.4-amd64", "CONFIG_RUST=y\n");
        let release = "7.3.4-amd64".parse().unwrap();
        let kernel = Kernel::find(&System::below(root.path()), &release).unwrap();
        let refusal = Rustc::of(&kernel, Class::Rust).unwrap_err();
        assert!(refusal.reason.contains("which rustc built it"));
        assert_eq!(refusal.mend, None);
    }

    #[test]
    fn only_the_very_same_rustc_will_do() {
        let found = [
            rustc("/usr/bin/rustc", "rustc 1.97.1 (abc 2026-01-01)"),
            rustc("/usr/bin/rustc-1.85", "rustc 1.85.1 (4eb161250 2025-03-15)"),
        ];
        let wanted = "rustc 1.85.1 (4eb161250 2025-03-15)";
        assert_eq!(
            choose(wanted, &found).unwrap().path,
            Path::new("/usr/bin/rustc-1.85")
        );

        // Debian's own build of the same version gives its symbols other names.
        let debian = "rustc 1.85.1 (4eb161250 2025-03-15) (built from a source tarball)";
        let why = choose(debian, &found).unwrap_err();
        assert!(why.contains("built from a source tarball"), "{why}");
        assert!(why.contains("/usr/bin/rustc is \"rustc 1.97.1"), "{why}");
    }

    #[test]
    fn a_rustc_without_libraries_beside_it_is_a_stand_in_and_asked_what_for() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let write = |file: &str, text: &str| {
            let path = dir.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
            path
        };
        let sysroot = dir.path().join("toolchain");
        let real = write("toolchain/bin/rustc", "#!/bin/sh\necho rustc 1.85.1\n");
        fs::create_dir_all(sysroot.join("lib/rustlib")).unwrap();
        let proxy = format!(
            "#!/bin/sh\ncase $1 in --version) echo rustc 1.85.1;; *) echo {};; esac\n",
            sysroot.display()
        );
        let proxy = write("cargo/bin/rustc", &proxy);
        assert_eq!(ask(real.clone()).unwrap().path, real);
        assert_eq!(ask(proxy).unwrap().path, real);
    }

    #[test]
    fn for_a_kernel_without_rust_the_system_s_rustc_comes_first() {
        let found = vec![
            rustc("/opt/rust/bin/rustc", "rustc 1.97.1 (abc 2026-01-01)"),
            rustc("/usr/bin/rustc", "rustc 1.85.1 (4eb161250 2025-03-15)"),
        ];
        let chosen = newest_enough(found.clone()).unwrap();
        assert_eq!(chosen.path, Path::new("/usr/bin/rustc"));
        assert_eq!(chosen.number(), Some(108_501));

        // The system's own is too old, as bookworm's is.
        let old = rustc("/usr/bin/rustc", "rustc 1.63.0");
        let chosen = newest_enough(vec![old.clone(), found[0].clone()]).unwrap();
        assert_eq!(chosen.path, found[0].path);
        let why = newest_enough(vec![old]).unwrap_err();
        assert!(why.contains("rustc 1.78 or newer"), "{why}");
        assert!(why.ends_with("/usr/bin/rustc is \"rustc 1.63.0\""), "{why}");
    }

    #[test]
    fn versions_are_counted_as_the_kernel_does() {
        assert_eq!(counted("1.85.1"), Some(108_501));
        assert_eq!(counted("1.97.0-nightly"), Some(109_700));
        assert_eq!(counted("unknown"), None);
    }

    #[test]
    fn no_rustc_at_all_is_said() {
        assert!(
            choose("rustc 1.85.1", &[])
                .unwrap_err()
                .ends_with("there is none")
        );
    }
}
