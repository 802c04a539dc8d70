// SPDX-License-Identifier: GPL-2.0-only

//! Finds the files of a module for one kernel: what dkms built, what is below `/lib/modules`, and
//! which of them modprobe loads.

use crate::kernel::release::Release;
use crate::system::version;
use crate::system::{System, names_in};
use std::fs;
use std::path::{Path, PathBuf};

/// The endings of a module's file name, compressed or not.
const ENDS: [&str; 4] = [".ko", ".ko.xz", ".ko.zst", ".ko.gz"];

/// The files of a module.
#[derive(Debug)]
pub struct ModuleFiles {
    /// What dkms built: version and file, newest version first.
    pub built: Vec<(String, PathBuf)>,
    /// All files of this name below the kernel's directory.
    pub there: Vec<PathBuf>,
    /// The file that modprobe loads.
    pub taken: Option<PathBuf>,
}

impl ModuleFiles {
    /// Searches for the files of one module.
    pub fn find(system: &System, release: &Release, package: &str, module: &str) -> Self {
        let records = system.dkms().join(package);
        let mut built: Vec<(String, PathBuf)> = names_in(&records)
            .into_iter()
            // dkms keeps links next to the version directories to mark what is installed.
            .filter(|version| !records.join(version).is_symlink())
            .filter_map(|version| {
                let kernel = records.join(&version).join(release.as_str());
                let mut arches = names_in(&kernel).into_iter();
                let file = arches.find_map(|arch| {
                    let folder = kernel.join(arch).join("module");
                    named(&folder, module)
                })?;
                Some((version, file))
            })
            .collect();
        built.sort_by(|a, b| version::compare(&b.0, &a.0));
        let folder = system.modules().join(release.as_str());
        Self {
            built,
            there: below(&folder, module),
            taken: taken(system, release, module),
        }
    }

    /// Returns the version that dkms built this file from, by comparing the contents.
    pub fn version(&self, file: &Path) -> Option<&str> {
        let content = fs::read(file).ok()?;
        let same = |built: &&(String, PathBuf)| fs::read(&built.1).is_ok_and(|own| own == content);
        self.built.iter().find(same).map(|(version, _)| &**version)
    }
}

/// Returns the module's file in a directory.
fn named(folder: &Path, module: &str) -> Option<PathBuf> {
    let names = names_in(folder);
    let name = names.iter().find(|name| is(name, module))?;
    Some(folder.join(name))
}

/// Returns a module's name as the kernel has it, which treats - and _ as the same.
pub fn in_kernel(module: &str) -> String {
    module.replace('-', "_")
}

/// Whether a file belongs to the module, by its name.
fn is(file: &str, module: &str) -> bool {
    let name = ENDS.iter().find_map(|end| file.strip_suffix(end));
    name.is_some_and(|name| in_kernel(name) == in_kernel(module))
}

/// Returns all files of a module below a directory.
pub fn below(folder: &Path, module: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    collect(folder, module, &mut found);
    found
}

fn collect(folder: &Path, module: &str, found: &mut Vec<PathBuf>) {
    for name in names_in(folder) {
        let path = folder.join(&name);
        // Do not follow links to directories: they lead to headers and source.
        if path.symlink_metadata().is_ok_and(|meta| meta.is_dir()) {
            collect(&path, module, found);
        } else if is(&name, module) {
            found.push(path);
        }
    }
}

/// Returns the file of a module that modprobe loads. modprobe only consults depmod's index.
pub fn taken(system: &System, release: &Release, module: &str) -> Option<PathBuf> {
    let folder = system.modules().join(release.as_str());
    let index = fs::read_to_string(folder.join("modules.dep")).ok()?;
    let file = index
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(file, _)| Path::new(file))
        .find(|file| {
            let name = file.file_name().and_then(|name| name.to_str());
            name.is_some_and(|name| is(name, module))
        })?;
    Some(folder.join(file)).filter(|file| file.exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, name: &str, content: &str) {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn files(root: &Path) -> ModuleFiles {
        let release = "7.3.4-amd64".parse().unwrap();
        ModuleFiles::find(&System::below(root), &release, "p", "proc-Driver")
    }

    #[test]
    fn what_modprobe_takes_is_in_its_index_and_on_the_disk() {
        let root = tempfile::tempdir().unwrap();
        let place = "lib/modules/7.3.4-amd64";
        let file = format!("{place}/updates/dkms/proc_Driver.ko.xz");
        write(root.path(), &file, "a");
        assert_eq!(files(root.path()).there, [root.path().join(&file)]);
        assert_eq!(files(root.path()).taken, None);

        let index = "kernel/a.ko: kernel/b.ko\nupdates/dkms/proc_Driver.ko.xz: kernel/a.ko\n";
        write(root.path(), &format!("{place}/modules.dep"), index);
        assert_eq!(files(root.path()).taken, Some(root.path().join(&file)));
        fs::remove_file(root.path().join(&file)).unwrap();
        assert_eq!(files(root.path()).taken, None);
    }

    #[test]
    fn a_file_is_known_by_its_content_whichever_version_it_came_from() {
        let root = tempfile::tempdir().unwrap();
        for (version, content) in [("0.9.0", "old"), ("0.10.0", "new")] {
            let built =
                format!("var/lib/dkms/p/{version}/7.3.4-amd64/x86_64/module/proc-Driver.ko");
            write(root.path(), &built, content);
        }
        let other = "var/lib/dkms/p/0.11.0/6.12.1-amd64/x86_64/module/proc-Driver.ko";
        write(root.path(), other, "another kernel's");
        let link = root.path().join("var/lib/dkms/p/kernel-7.3.4-amd64-x86_64");
        std::os::unix::fs::symlink("0.9.0/7.3.4-amd64/x86_64", link).unwrap();
        let files = files(root.path());
        let versions: Vec<_> = files.built.iter().map(|(version, _)| &**version).collect();
        assert_eq!(versions, ["0.10.0", "0.9.0"]);
        write(root.path(), "f", "old");
        assert_eq!(files.version(&root.path().join("f")), Some("0.9.0"));
        write(root.path(), "f", "edited");
        assert_eq!(files.version(&root.path().join("f")), None);
    }
}
