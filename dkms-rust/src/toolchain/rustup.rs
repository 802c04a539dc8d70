// SPDX-License-Identifier: GPL-2.0-only

//! Finds the toolchains that rustup installed. rustup's own programs are never run: they pick a
//! toolchain by the current directory, and may download one.

use crate::system::names_in;
use crate::system::search::may_run;
use crate::system::trusted::is_root;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// Returns whether `path`, which leads to `file`, is rustup's proxy.
pub fn is_proxy(path: &Path, file: &Path) -> bool {
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
pub fn compilers() -> Vec<PathBuf> {
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
    let mut all = names_in(&folder);
    all.sort_by_key(|name| Some(name.as_str()) != default);
    all.iter()
        .map(|name| folder.join(name).join("bin/rustc"))
        .filter(|rustc| may_run(rustc))
        .collect()
}

/// Returns the name of the toolchain, if the rustc is one of rustup's.
pub fn toolchain_of(rustc: &Path) -> Option<&str> {
    let toolchain = rustc.parent()?.parent()?;
    let parent = toolchain.parent()?.file_name()?;
    (parent == "toolchains")
        .then(|| toolchain.file_name()?.to_str())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

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

        let stable = write("rustup/toolchains/stable/bin/rustc", "");
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
        assert_eq!(toolchain_of(&stable), Some("stable"));
        assert_eq!(toolchain_of(Path::new("/usr/bin/rustc")), None);
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
}
