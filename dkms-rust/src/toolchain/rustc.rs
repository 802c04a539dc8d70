// SPDX-License-Identifier: GPL-2.0-only

//! Finds every rustc on this machine. Each is asked for its version; its file name does not count.
//! `build::way::own_rustc` says which version is a kernel's own.

use crate::kernel::headers::Kernel;
use crate::kernel::refusal::Refusal;
use crate::system::dpkg;
use crate::system::run::answer;
use crate::system::search::may_run;
use crate::system::sources_package;
use crate::system::trusted::{is_root, trusted_path};
use crate::system::{System, names};
use crate::toolchain::minimum::{self, Minimum, numbers};
use crate::toolchain::programs::named;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A rustc and its version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rustc {
    /// Where it is.
    pub path: PathBuf,
    /// The first line of `--version`, such as `rustc 1.85.1 (4eb161250 2025-03-15)`.
    pub version: String,
}

impl Rustc {
    /// Returns every rustc on this machine, each once.
    pub fn all() -> Vec<Self> {
        let mut found = Vec::new();
        let mut files = Vec::new();
        for path in named("rustc").into_iter().chain(rustup()) {
            let Ok(file) = fs::canonicalize(&path) else {
                continue;
            };
            if files.contains(&file) || is_proxy(&path, &file) {
                continue;
            }
            files.push(file);
            found.extend(ask(path));
        }
        found
    }

    /// Chooses the system's own rustc if it is new enough for the kernel's crates, or else the
    /// first other that is. If several are, one that has the source of `core` is preferred.
    ///
    /// # Errors
    ///
    /// A refusal that says what is missing.
    pub fn new_enough(kernel: &Kernel, found: &[Self]) -> Result<Self, Refusal> {
        let oldest = Minimum::of(kernel).rustc;
        let mut sorted: Vec<&Self> = found.iter().collect();
        sorted.sort_by_key(|rustc| rustc.path != Path::new("/usr/bin/rustc"));
        let will_do = |rustc: &&&Self| numbers(&rustc.version) >= Some(oldest);
        let new_enough: Vec<&Self> = sorted.iter().filter(will_do).copied().collect();
        match &*new_enough {
            [] => {}
            [only] => return Ok((*only).clone()),
            [first, ..] => {
                let with_source = new_enough
                    .iter()
                    .find(|rustc| rustc.source(&kernel.system).is_some());
                return Ok((*with_source.unwrap_or(first)).clone());
            }
        }
        let why = format!(
            "modules for it need rustc {} or newer; {}",
            minimum::text(oldest),
            Self::there(sorted)
        );
        let mend = fix_any(&kernel.system, oldest);
        Err(Refusal::new(&kernel.release, why, mend))
    }

    /// Returns the names and versions of these rustcs as text.
    pub fn there<'a>(found: impl IntoIterator<Item = &'a Self>) -> String {
        let name = |rustc: &Self| format!("{} is {:?}", rustc.path.display(), rustc.version);
        let names: Vec<_> = found.into_iter().map(name).collect();
        match names.is_empty() {
            true => "none is installed".into(),
            false => names.join(", "),
        }
    }

    /// Returns the mend that brings `wanted`, such as `rustc 1.85.1 (4eb161250 2025-03-15)`.
    pub fn mend(system: &System, wanted: &str) -> String {
        let number = wanted.split(' ').nth(1).unwrap_or(wanted);
        let series = number.rsplit_once('.').map_or(number, |(series, _)| series);
        let will_do = |version: &str| dpkg::is_upstream(version, number);
        let versioned = [format!("rustc-{series}"), format!("rust-{series}-src")];
        dpkg::install_version(system, "rustc", &["rust-src"], will_do)
            .or_else(|| dpkg::install_version(system, &versioned[0], &[&versioned[1]], will_do))
            .unwrap_or_else(|| {
                format!(
                    "install rustc {number} and its source from the kernel's suite (none of apt's \
                     sources has it)"
                )
            })
    }

    /// Returns the version as the kernel encodes it: 108501 for 1.85.1.
    pub fn number(&self) -> Option<u32> {
        let [major, minor, patch] = numbers(&self.version)?;
        Some(major * 100_000 + minor * 100 + patch)
    }

    /// Returns the directory with the source of `core`, which rust-src or dkms-rust-sources brings.
    ///
    /// # Errors
    ///
    /// A refusal if it is missing, or if root can't trust it.
    pub fn library(&self, kernel: &Kernel) -> Result<PathBuf, Refusal> {
        let missing = |library: Option<PathBuf>| match library {
            Some(library) if is_root() => trusted_path(&library)
                .map(|_| library)
                .map_err(|error| format!("{error}, so root does not use it")),
            Some(library) => Ok(library),
            None => Err("it is missing".to_owned()),
        };
        missing(self.source(&kernel.system)).map_err(|error| {
            let why = format!("the source of Rust's library for {}: {error}", self.version);
            Refusal::new(&kernel.release, why, self.fix_source(&kernel.system))
        })
    }

    /// Returns the toolchain's own source of `core`, or that of its version from dkms-rust-sources.
    fn source(&self, system: &System) -> Option<PathBuf> {
        let sysroot = answer(Command::new(&self.path).args(["--print", "sysroot"]))?;
        let own = Path::new(&sysroot).join("lib/rustlib/src/rust/library");
        let packaged = sources_package::library(system, &self.release()?);
        let has_core = |library: &PathBuf| library.join("core/src/lib.rs").is_file();
        [own, packaged].into_iter().find(has_core)
    }

    /// Returns `1.85.1` if this is a release. A nightly's library can differ every day.
    fn release(&self) -> Option<String> {
        let number = self.version.split(' ').nth(1)?;
        let plain = number.chars().all(|c| c.is_ascii_digit() || c == '.');
        plain.then(|| number.to_owned())
    }

    /// Returns the mend for the missing source of `core`.
    fn fix_source(&self, system: &System) -> String {
        if let Some(toolchain) = rustup_s(&self.path) {
            return format!("rustup component add rust-src --toolchain {toolchain}");
        }
        let [major, minor, patch] = numbers(&self.version).unwrap_or_default();
        let upstream = format!("{major}.{minor}.{patch}");
        if let Some(smaller) = sources_package::install_library(system, &upstream) {
            return smaller;
        }
        let will_do = |version: &str| dpkg::is_upstream(version, &upstream);
        ["rust-src".to_owned(), format!("rust-{major}.{minor}-src")]
            .iter()
            .find_map(|package| dpkg::install_version(system, package, &[], will_do))
            .unwrap_or_else(|| {
                format!(
                    "install the source of Rust's library {upstream} for {} (none of apt's \
                     sources has it)",
                    self.path.display()
                )
            })
    }
}

/// Returns the mend that installs rustc `oldest` or newer, and its source.
fn fix_any(system: &System, oldest: [u32; 3]) -> String {
    let will_do = |version: &str| numbers(version) >= Some(oldest);
    dpkg::install_version(system, "rustc", &["rust-src"], will_do).unwrap_or_else(|| {
        let oldest = minimum::text(oldest);
        format!(
            "install rustc {oldest} or newer and its source, by rustup or from a newer suite (none \
             of apt's sources has one)"
        )
    })
}

fn ask(path: PathBuf) -> Option<Rustc> {
    let answer = answer(Command::new(&path).arg("--version"))?;
    let version = answer.lines().next()?.to_owned();
    version
        .starts_with("rustc ")
        .then_some(Rustc { path, version })
}

/// Returns whether `path`, which leads to `file`, is rustup's proxy, which picks a toolchain by the
/// current directory. It is never run: rustup's toolchains are found by their paths.
fn is_proxy(path: &Path, file: &Path) -> bool {
    let is_rustup = |name: &str| name == "rustup" || name == "rustup-init";
    if file
        .file_name()
        .and_then(|name| name.to_str())
        .is_some_and(is_rustup)
    {
        return true;
    }
    // It may be a copy. Then rustup is beside it, and libraries are not.
    let libraries = file.parent().and_then(Path::parent);
    let libraries = libraries.is_some_and(|above| above.join("lib/rustlib").is_dir());
    !libraries && path.with_file_name("rustup").exists()
}

/// Root's rustup toolchains: in root's home or for the whole machine. They do not depend on whose
/// shell root comes from, so the administrator and apt's nightly runs find the same ones.
const ROOTS: [(&str, &str); 2] = [("/root", ".rustup"), ("/usr/local", "rustup")];

/// Returns the compilers of rustup's toolchains, the default first.
fn rustup() -> Vec<PathBuf> {
    let variable = |name: &str| env::var_os(name).map(PathBuf::from);
    let homes = homes(is_root(), variable);
    homes.iter().flat_map(|home| toolchains(home)).collect()
}

/// Returns rustup's directories: root's, or the user's own by the user's environment.
fn homes(root: bool, variable: impl Fn(&str) -> Option<PathBuf>) -> Vec<PathBuf> {
    if root {
        return ROOTS
            .map(|(folder, name)| Path::new(folder).join(name))
            .to_vec();
    }
    let home = variable("RUSTUP_HOME").or_else(|| Some(variable("HOME")?.join(".rustup")));
    home.into_iter()
        .filter(|home| home.is_absolute() && is_own(home))
        .collect()
}

fn is_own(home: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let owner = fs::metadata(home).map(|meta| meta.uid());
    owner.is_ok_and(|owner| owner == rustix::process::geteuid().as_raw())
}

fn toolchains(home: &Path) -> Vec<PathBuf> {
    let settings = fs::read_to_string(home.join("settings.toml")).unwrap_or_default();
    let default = settings.lines().find_map(|line| {
        let (name, value) = line.split_once('=')?;
        (name.trim() == "default_toolchain").then(|| value.trim().trim_matches('"'))
    });
    let folder = home.join("toolchains");
    let mut all = names(&folder);
    all.sort_by_key(|name| Some(name.as_str()) != default);
    all.iter()
        .map(|name| folder.join(name).join("bin/rustc"))
        .filter(|rustc| may_run(rustc))
        .collect()
}

/// Returns the name of the toolchain, if the rustc is one of rustup's.
fn rustup_s(rustc: &Path) -> Option<&str> {
    let toolchain = rustc.parent()?.parent()?;
    let parent = toolchain.parent()?.file_name()?;
    (parent == "toolchains")
        .then(|| toolchain.file_name()?.to_str())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::headers::tests::make_installed;
    use std::os::unix::fs::PermissionsExt;

    fn rustc(path: &str, version: &str) -> Rustc {
        Rustc {
            path: path.into(),
            version: version.into(),
        }
    }

    #[test]
    fn rustups_stand_ins_are_not_run_and_its_toolchains_are_found_default_first() {
        use std::os::unix::fs::symlink;
        let dir = tempfile::tempdir().unwrap();
        let write = |file: &str, text: &str| {
            let path = dir.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
            path
        };
        let proxy = |path: &Path| is_proxy(path, &fs::canonicalize(path).unwrap());
        let rustup = write("cargo/bin/rustup", "");
        let copy = write("cargo/bin/rustc", "");
        let link = dir.path().join("rustc");
        symlink(&rustup, &link).unwrap();
        assert!(proxy(&copy) && proxy(&link));

        let stable = write(
            "rustup/toolchains/stable/bin/rustc",
            "#!/bin/sh\necho rustc 1.97.1\n",
        );
        let beta = write("rustup/toolchains/beta/bin/rustc", "");
        fs::create_dir_all(dir.path().join("rustup/toolchains/stable/lib/rustlib")).unwrap();
        write(
            "rustup/settings.toml",
            "version = \"12\"\ndefault_toolchain = \"stable\"\n",
        );
        assert!(!proxy(&stable));
        assert_eq!(
            toolchains(&dir.path().join("rustup")),
            [stable.clone(), beta]
        );
        assert_eq!(ask(stable.clone()).unwrap().version, "rustc 1.97.1");
        assert_eq!(rustup_s(&stable), Some("stable"));
        assert_eq!(rustup_s(Path::new("/usr/bin/rustc")), None);
    }

    #[test]
    fn root_s_toolchains_are_the_same_whoever_s_shell_asks() {
        let dir = tempfile::tempdir().unwrap();
        let home = |of: &'static str| {
            let path = dir.path().to_owned();
            move |name: &str| (name == of).then(|| path.clone())
        };
        let (of_night, of_shell) = (homes(true, |_| None), homes(true, home("RUSTUP_HOME")));
        assert_eq!(of_night, of_shell);
        assert_eq!(homes(false, home("RUSTUP_HOME")), [dir.path()]);
        fs::create_dir(dir.path().join(".rustup")).unwrap();
        assert_eq!(homes(false, home("HOME")), [dir.path().join(".rustup")]);
        // Toolchains in somebody else's directory are not the user's.
        if !is_root() {
            assert!(homes(false, |_| Some("/usr".into())).is_empty());
        }
    }

    #[test]
    fn what_does_not_call_itself_rustc_is_none() {
        assert_eq!(ask("/bin/true".into()), None);
        assert_eq!(ask("/bin/echo".into()), None);
    }

    #[test]
    fn the_system_s_rustc_comes_first_if_it_is_new_enough() {
        let root = tempfile::tempdir().unwrap();
        make_installed(root.path(), "6.12.107-amd64", "");
        let release = "6.12.107-amd64".parse().unwrap();
        let kernel = Kernel::find(&System::below(root.path()), &release).unwrap();
        let new_enough = |found: &[Rustc]| Rustc::new_enough(&kernel, found);
        let found = vec![
            rustc("/opt/rust/bin/rustc", "rustc 1.97.1 (abc 2026-01-01)"),
            rustc("/usr/bin/rustc", "rustc 1.85.1 (4eb161250 2025-03-15)"),
        ];
        let chosen = new_enough(&found).unwrap();
        assert_eq!(chosen.path, Path::new("/usr/bin/rustc"));
        assert_eq!(chosen.number(), Some(108_501));

        // The other rustc has the source of `core`.
        let sysroot = root.path().join("toolchain");
        let core = sysroot.join("lib/rustlib/src/rust/library/core/src");
        fs::create_dir_all(&core).unwrap();
        fs::write(core.join("lib.rs"), "").unwrap();
        let path = sysroot.join("rustc");
        fs::write(&path, format!("#!/bin/sh\necho {}\n", sysroot.display())).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        let with_source = rustc(path.to_str().unwrap(), "rustc 1.97.1");
        let without = rustc("/nonexistent/rustc", "rustc 1.97.1");
        let chosen = new_enough(&[without, with_source.clone()]).unwrap();
        assert_eq!(chosen, with_source);

        // The system's own rustc is too old, as bookworm's is.
        let old = rustc("/usr/bin/rustc", "rustc 1.63.0");
        let chosen = new_enough(&[old.clone(), found[0].clone()]).unwrap();
        assert_eq!(chosen.path, found[0].path);
        let refusal = new_enough(&[old]).unwrap_err();
        let why = refusal.reason;
        assert!(why.contains("rustc 1.78.0 or newer"), "{why}");
        assert!(why.ends_with("/usr/bin/rustc is \"rustc 1.63.0\""), "{why}");
        // apt has none here, so the mend is not an apt command.
        let mend = refusal.mend.unwrap();
        assert!(mend.starts_with("install rustc 1.78.0 or newer"), "{mend}");
        assert!(
            new_enough(&[])
                .unwrap_err()
                .reason
                .ends_with("none is installed")
        );
    }

    #[test]
    fn the_library_is_the_toolchain_s_own_or_that_of_its_version_in_the_package() {
        let root = tempfile::tempdir().unwrap();
        let system = System::below(root.path());
        let library = |folder: &str| {
            let library = root.path().join(folder);
            fs::create_dir_all(library.join("core/src")).unwrap();
            fs::write(library.join("core/src/lib.rs"), "").unwrap();
            library
        };
        let packaged = library("usr/share/dkms-rust/library/1.85.1");
        let path = root.path().join("rustc");
        fs::write(
            &path,
            format!("#!/bin/sh\necho {}/usr\n", root.path().display()),
        )
        .unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        let source = |version| rustc(path.to_str().unwrap(), version).source(&system);
        assert_eq!(
            source("rustc 1.85.1 (4eb161250 2025-03-15)"),
            Some(packaged)
        );
        assert_eq!(source("rustc 1.85.0 (x)"), None);
        assert_eq!(source("rustc 1.85.1-nightly (x)"), None);
        let own = library("usr/lib/rustlib/src/rust/library");
        assert_eq!(source("rustc 1.85.1 (4eb161250 2025-03-15)"), Some(own));
    }

    #[test]
    fn versions_are_counted_as_the_kernel_does() {
        let number = |version| rustc("", version).number();
        assert_eq!(number("rustc 1.85.1"), Some(108_501));
        assert_eq!(number("rustc 1.97.0-nightly (x)"), Some(109_700));
        assert_eq!(number("rustc unknown"), None);
    }

    #[test]
    fn a_source_that_is_missing_is_fixed_by_whoever_brought_the_rustc() {
        let root = tempfile::tempdir().unwrap();
        let system = System::below(root.path());
        let of = |path| rustc(path, "rustc 1.85.1 (x)").fix_source(&system);
        let rustup = of("/home/user/.rustup/toolchains/1.85.1-x86_64/bin/rustc");
        assert_eq!(
            rustup,
            "rustup component add rust-src --toolchain 1.85.1-x86_64"
        );
        assert!(of("/usr/bin/rustc").contains("library 1.85.1 for /usr/bin/rustc"));
    }
}
