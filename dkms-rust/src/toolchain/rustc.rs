// SPDX-License-Identifier: GPL-2.0-only

//! Every rustc that is here, asked what it is and never taken by its name.

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
    /// Every rustc that is here.
    pub fn all() -> Vec<Self> {
        candidates().into_iter().filter_map(ask).collect()
    }

    /// The system's own of these, if it compiles the kernel's crates, or else any other that does.
    ///
    /// # Errors
    ///
    /// Why none does.
    pub fn new_enough(found: &[Self]) -> Result<Self, String> {
        let mut found: Vec<&Self> = found.iter().collect();
        found.sort_by_key(|rustc| rustc.path != Path::new("/usr/bin/rustc"));
        let will_do = |rustc: &&&Self| rustc.number() >= Some(OLDEST);
        if let Some(rustc) = found.iter().find(will_do) {
            return Ok((*rustc).clone());
        }
        Err(format!(
            "to build modules for it takes rustc {}.{} or newer; {}",
            OLDEST / 100_000,
            OLDEST / 100 % 1000,
            Self::there(found)
        ))
    }

    /// What is here, in words.
    pub fn there<'a>(found: impl IntoIterator<Item = &'a Self>) -> String {
        let name = |rustc: &Self| format!("{} is {:?}", rustc.path.display(), rustc.version);
        let names: Vec<_> = found.into_iter().map(name).collect();
        match names.is_empty() {
            true => "there is none".into(),
            false => names.join(", "),
        }
    }

    /// What to install for a rustc that is new enough, where these are not.
    pub fn mend_any(found: &[Self]) -> String {
        if found.is_empty() {
            return "apt install rustc rust-src".into();
        }
        let new_enough = |version: &str| counted(version) >= Some(OLDEST);
        match dpkg::installable_if(&["rustc"], new_enough) {
            Some(package) => {
                let version = package.rsplit('=').next().unwrap_or_default();
                format!("apt install {package} rust-src={version}")
            }
            None => "install a newer rustc with its source, by rustup or from a newer suite (none \
                     of apt's sources has one)"
                .into(),
        }
    }

    /// What to install for `rustc 1.85.1 (4eb161250 2025-03-15)`.
    pub fn mend(wanted: &str) -> String {
        mend(wanted)
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

/// `1.85.1` as 108501.
fn counted(version: &str) -> Option<u32> {
    let mut parts = version
        .split(['.', '-'])
        .map(|part| part.parse::<u32>().ok());
    let (major, minor) = (parts.next()??, parts.next()??);
    Some(major * 100_000 + minor * 100 + parts.next()??)
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

    fn rustc(path: &str, version: &str) -> Rustc {
        Rustc {
            path: path.into(),
            version: version.into(),
        }
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
    fn the_system_s_rustc_comes_first_if_it_is_new_enough() {
        let found = vec![
            rustc("/opt/rust/bin/rustc", "rustc 1.97.1 (abc 2026-01-01)"),
            rustc("/usr/bin/rustc", "rustc 1.85.1 (4eb161250 2025-03-15)"),
        ];
        let chosen = Rustc::new_enough(&found).unwrap();
        assert_eq!(chosen.path, Path::new("/usr/bin/rustc"));
        assert_eq!(chosen.number(), Some(108_501));

        // The system's own is too old, as bookworm's is.
        let old = rustc("/usr/bin/rustc", "rustc 1.63.0");
        let chosen = Rustc::new_enough(&[old.clone(), found[0].clone()]).unwrap();
        assert_eq!(chosen.path, found[0].path);
        let why = Rustc::new_enough(&[old]).unwrap_err();
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
            Rustc::new_enough(&[])
                .unwrap_err()
                .ends_with("there is none")
        );
        assert_eq!(Rustc::mend_any(&[]), "apt install rustc rust-src");
    }
}
