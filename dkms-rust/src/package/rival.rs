// SPDX-License-Identifier: GPL-2.0-only

//! Detects modules of the kernel that dkms would not replace by those of the same name that were
//! built.

use super::source::DkmsSource;
use crate::kernel::refusal::Refusal;
use crate::kernel::release::Release;
use crate::status::files::below;
use crate::status::module_file::ModuleFile;
use crate::system::{System, version};
use std::cmp::Ordering;
use std::path::Path;

/// Refuses if dkms would install none of the modules that were built in `folder`, because the kernel
/// has the same ones, or newer ones. `dkms autoinstall` would fail then, and with it the installation
/// of the kernel. `package configure` installs them nevertheless, as dkms does with `--force`.
///
/// # Errors
///
/// The refusal.
pub fn is_older(
    system: &System,
    source: &DkmsSource,
    release: &Release,
    folder: &Path,
) -> Result<(), Refusal> {
    let kernel = system.modules().join(release.as_str());
    let mut why = None;
    for module in &source.modules {
        let Some(ours) = read(folder, module).pop() else {
            return Ok(());
        };
        let mut theirs = read(&kernel, module).into_iter();
        match theirs.find(|theirs| wins(theirs, &ours)) {
            Some(theirs) => why = Some((module, theirs.version)),
            None => return Ok(()),
        }
    }
    let Some((module, version)) = why else {
        return Ok(());
    };
    let version = match version {
        Some(version) => format!("version {version}"),
        None => "the same version".to_owned(),
    };
    let why = format!("the kernel has a module {module} of its own, {version}");
    Err(Refusal::new(release, why, source.again()))
}

fn read(folder: &Path, module: &str) -> Vec<ModuleFile> {
    let files = below(folder, module).into_iter();
    files
        .filter_map(|file| ModuleFile::read(&file).ok())
        .collect()
}

/// Whether dkms keeps the kernel's module: it is newer, or built from the same source. A module
/// without a version counts as older than any other.
fn wins(theirs: &ModuleFile, ours: &ModuleFile) -> bool {
    let version = |file: &ModuleFile| file.version.clone().unwrap_or_default();
    match version::compare(&version(theirs), &version(ours)) {
        Ordering::Less => false,
        Ordering::Greater => true,
        Ordering::Equal => {
            theirs.srcversion == ours.srcversion
                && (theirs.version.is_some() || theirs.srcversion.is_some())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::module_file::tests::module;
    use std::fs;

    #[test]
    fn dkms_installs_no_module_that_is_not_newer_than_the_kernels() {
        let root = tempfile::tempdir().unwrap();
        let system = System::below(root.path());
        let release: Release = "7.3.4-amd64".parse().unwrap();
        let source = DkmsSource {
            name: "p".into(),
            version: "1".into(),
            folder: system.sources().join("p-1"),
            modules: vec!["a".into(), "b-c".into()],
            package: Some("p-dkms".into()),
        };
        let build = root.path().join("build");
        let kernel = system.modules().join(release.as_str()).join("kernel");
        fs::create_dir_all(build.join("sub")).unwrap();
        fs::create_dir_all(&kernel).unwrap();
        let put = |folder: &Path, name: &str, info: &[&str]| {
            fs::write(folder.join(name), module(info, b"")).unwrap();
        };
        let refused = || is_older(&system, &source, &release, &build).err();

        put(&build, "a.ko", &["version=1.9"]);
        put(&build.join("sub"), "b-c.ko", &["license=GPL"]);
        assert_eq!(refused(), None);
        put(&kernel, "a.ko", &["version=1.10"]);
        // dkms installs the other.
        assert_eq!(refused(), None);
        put(&kernel, "b_c.ko", &["license=GPL"]);
        assert_eq!(refused(), None);
        put(&kernel, "b_c.ko", &["version=0.1"]);
        let refusal = refused().unwrap();
        assert_eq!(
            refusal.reason,
            "the kernel has a module b-c of its own, version 0.1"
        );
        assert_eq!(refusal.mend.as_deref(), Some("dpkg-reconfigure p-dkms"));

        put(&kernel, "a.ko", &["version=1.9"]);
        assert!(refused().is_some());
        put(&kernel, "a.ko", &["version=1.9", "srcversion=2"]);
        assert_eq!(refused(), None);
        put(&kernel, "a.ko", &["version=1.8"]);
        assert_eq!(refused(), None);
    }
}
