// SPDX-License-Identifier: GPL-2.0-only

//! Detects modules of the kernel that dkms does not replace by those of the same name that were
//! built, because they are as new. If it replaces none, `dkms autoinstall` fails, and with it the
//! installation of the kernel.
//!
//! This follows dkms's own check, with two exceptions: `OBSOLETE_BY`, which dkms takes for a limit of
//! the build since 3.1, and a module without any version that is the same to the byte.

use crate::kernel::refusal::Refusal;
use crate::kernel::release::Release;
use crate::status::files::below;
use crate::status::module_file::ModuleFile;
use crate::system::dkms_conf::modules;
use crate::system::{System, names_in};
use std::fs;
use std::path::{Path, PathBuf};

/// The packages that dkms always installs, one or more in each file.
const FORCED: &str = "usr/share/dkms/modules_to_force_install";

/// Refuses if dkms would replace none of the kernel's modules by those that were built in `folder`.
/// At the end of apt, `package configure` does that, with `dkms install --force`.
///
/// # Errors
///
/// The refusal.
pub fn can_replace(
    system: &System,
    (name, version): (&str, &str),
    release: &Release,
    folder: &Path,
) -> Result<(), Refusal> {
    if is_forced(system, name) {
        return Ok(());
    }
    let conf = fs::read_to_string(folder.join("dkms.conf")).unwrap_or_default();
    let kernel = system.modules().join(release.as_str());
    let mut kept = None;
    for module in modules(&conf, name) {
        let Some((_, built)) = read(folder, &module.built).pop() else {
            return Ok(());
        };
        // dkms looks at the first file that `find` shows it, which may be any of them.
        let mut there = read(&kernel, &module.installed).into_iter();
        match there.find(|(_, there)| is_as_new(there, &built)) {
            Some((path, there)) => kept = Some((path, there, built)),
            None => return Ok(()),
        }
    }
    let Some((path, there, built)) = kept else {
        return Ok(());
    };
    let what = |file: ModuleFile| match file.version {
        Some(version) => format!("version {version}"),
        None => "a module without a version".to_owned(),
    };
    let (path, there, built) = (system.shown(&path), what(there), what(built));
    let why = format!("dkms does not replace {path}, {there}, by {built}");
    let mend = format!("dkms install --force {name}/{version} -k {release}");
    Err(Refusal::new(release, why, mend))
}

/// Returns the files of a module below a directory. Unlike the kernel, dkms tells - from _.
fn read(folder: &Path, module: &str) -> Vec<(PathBuf, ModuleFile)> {
    let start = format!("{module}.ko");
    let named = |file: &Path| {
        let name = file.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| name.starts_with(&start))
    };
    let files = below(folder, module).into_iter().filter(|file| named(file));
    files
        .filter_map(|file| Some((file.clone(), ModuleFile::read(&file).ok()?)))
        .collect()
}

/// Whether dkms keeps a module instead of the one that was built.
fn is_as_new(there: &ModuleFile, built: &ModuleFile) -> bool {
    let version = |file: &ModuleFile| first_word(file.version.as_deref());
    let source = |file: &ModuleFile| first_word(file.srcversion.as_deref());
    if version(there) == version(built) {
        let known = !version(there).is_empty() || !source(there).is_empty();
        return known && source(there) == source(built);
    }
    padded(&version(there)) > padded(&version(built))
}

fn first_word(text: Option<&str>) -> String {
    let word = text.and_then(|text| text.split_whitespace().next());
    word.unwrap_or_default().to_owned()
}

/// Returns a version with at least three digits in each number. dkms compares these as text.
fn padded(version: &str) -> String {
    let mut text = String::new();
    let mut digits = String::new();
    for character in version.chars().map(Some).chain([None]) {
        if let Some(digit) = character.filter(char::is_ascii_digit) {
            digits.push(digit);
            continue;
        }
        if !digits.is_empty() {
            text += &format!("{digits:0>3}");
            digits.clear();
        }
        text.extend(character);
    }
    text
}

/// Whether a file tells dkms to install the package in any case.
fn is_forced(system: &System, name: &str) -> bool {
    let folder = system.at(FORCED);
    let mut files = names_in(&folder).into_iter();
    files.any(|file| {
        let text = fs::read_to_string(folder.join(file)).unwrap_or_default();
        let mut words = text.split_whitespace();
        words.any(|word| word.strip_suffix("_version-override").unwrap_or(word) == name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::module_file::tests::module;

    #[test]
    fn versions_are_ordered_as_dkms_does() {
        // By dkms's own function.
        let ordered = [
            ("1.9", "1.10"),
            ("1.10000", "1.9999"),
            ("1.0", "1.0~rc1"),
            ("2024.1", "550.54"),
            ("10000", "999"),
            ("", "1"),
            ("v1", "v2"),
        ];
        for (older, newer) in ordered {
            assert!(padded(older) < padded(newer), "{older} {newer}");
        }
        assert_eq!(padded("2.6.9-1cvs200409"), "002.006.009-001cvs200409");
    }

    struct Made {
        root: tempfile::TempDir,
    }

    impl Made {
        fn new() -> Self {
            let root = tempfile::tempdir().unwrap();
            let made = Self { root };
            let conf = "BUILT_MODULE_NAME[0]=a\nBUILT_MODULE_NAME[1]=b\nDEST_MODULE_NAME[1]=b-c\n";
            made.write("build/dkms.conf", conf.as_bytes());
            made.built("a", &["version=1.9"]);
            made.built("sub/b", &["license=GPL"]);
            made
        }

        fn write(&self, path: &str, bytes: &[u8]) {
            let path = self.root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }

        fn built(&self, name: &str, info: &[&str]) {
            self.write(&format!("build/{name}.ko"), &module(info, b""));
        }

        fn there(&self, name: &str, info: &[&str]) {
            let path = format!("lib/modules/7.3.4-amd64/kernel/{name}.ko");
            self.write(&path, &module(info, b""));
        }

        fn refusal(&self) -> Option<Refusal> {
            let system = System::below(self.root.path());
            let release = "7.3.4-amd64".parse().unwrap();
            let folder = self.root.path().join("build");
            can_replace(&system, ("p", "1"), &release, &folder).err()
        }
    }

    #[test]
    fn a_kernel_s_modules_that_are_as_new_are_kept_unless_one_is_not() {
        let made = Made::new();
        assert_eq!(made.refusal(), None);
        made.there("a", &["version=1.10"]);
        assert_eq!(made.refusal(), None);
        // For dkms this is another module.
        made.there("b_c", &["version=1"]);
        assert_eq!(made.refusal(), None);
        made.there("b-c", &["license=GPL"]);
        assert_eq!(made.refusal(), None);
        made.there("b-c", &["version=1"]);
        let refusal = made.refusal().unwrap();
        assert_eq!(
            refusal.reason,
            "dkms does not replace /lib/modules/7.3.4-amd64/kernel/b-c.ko, version 1, by a module \
             without a version"
        );
        let mend = "dkms install --force p/1 -k 7.3.4-amd64";
        assert_eq!(refusal.mend.as_deref(), Some(mend));
    }

    #[test]
    fn the_same_version_of_the_same_source_is_kept() {
        let made = Made::new();
        made.there("b-c", &["version=1"]);
        made.there("a", &["version=1.9"]);
        assert!(made.refusal().is_some());
        made.there("a", &["version=1.9", "srcversion=2"]);
        assert_eq!(made.refusal(), None);
        made.there("a", &["version=1.8"]);
        assert_eq!(made.refusal(), None);
    }

    #[test]
    fn what_is_forced_is_installed() {
        let made = Made::new();
        made.there("a", &["version=2"]);
        made.there("b-c", &["version=2"]);
        assert!(made.refusal().is_some());
        made.write(&format!("{FORCED}/x"), b"q\np_version-override\n");
        assert_eq!(made.refusal(), None);
    }
}
