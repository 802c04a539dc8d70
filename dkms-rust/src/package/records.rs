// SPDX-License-Identifier: GPL-2.0-only

//! dkms's records of a package. Each version has a directory: its link `source` points to the
//! source, and `KERNEL/ARCH/module` contains what was built. Links `kernel-KERNEL-ARCH` next to
//! these directories mark what is installed.

use super::dkms::{Ended, run};
use super::leftovers::{modules, take};
use super::say::Voice;
use super::source::DkmsSource;
use crate::kernel::release::Release;
use crate::status::prebuilt::Prebuilt;
use crate::system::below::below;
use crate::system::{System, names_in};
use anyhow::{Context, Result, bail};
use rustix::fs::FileType;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// Where dkms keeps modules of a kernel that it moved aside.
const ASIDE: &str = "original_module";

/// The records of a package.
pub struct Records<'a> {
    system: &'a System,
    name: &'a str,
    folder: PathBuf,
}

impl<'a> Records<'a> {
    /// Returns the records of the package `name`, whether there are any or not.
    pub fn of(system: &'a System, name: &'a str) -> Self {
        Self {
            system,
            name,
            folder: system.dkms().join(name),
        }
    }

    /// Whether this version has a record, complete or not.
    pub fn exists(&self, version: &str) -> bool {
        self.folder.join(version).is_dir()
    }

    /// Returns the versions that have a record.
    pub fn versions(&self) -> Vec<String> {
        let mut names = names_in(&self.folder);
        names.retain(|name| {
            let meta = self.folder.join(name).symlink_metadata();
            name != ASIDE && meta.is_ok_and(|meta| meta.is_dir())
        });
        names
    }

    /// Whether dkms has installed this version for a kernel.
    pub fn installed(&self, version: &str, release: &Release) -> bool {
        let start = format!("kernel-{release}-");
        names_in(&self.folder).iter().any(|name| {
            let arch = name.strip_prefix(&start);
            arch.is_some_and(|arch| {
                let built = self.folder.join(version).join(release.as_str()).join(arch);
                let link = fs::canonicalize(self.folder.join(name));
                link.is_ok_and(|link| fs::canonicalize(built).is_ok_and(|built| built == link))
            })
        })
    }

    /// Whether dkms has installed any version for a kernel.
    pub fn any_installed(&self, release: &Release) -> bool {
        let versions = self.versions();
        let mut versions = versions.iter();
        versions.any(|version| self.installed(version, release))
    }

    /// Returns the modules that a version has for a kernel.
    pub fn modules(&self, version: &str, release: &Release) -> Vec<String> {
        let kernel = self.folder.join(version).join(release.as_str());
        let arches = names_in(&kernel).into_iter();
        let folders = arches.map(|arch| kernel.join(arch).join("module"));
        folders.flat_map(|folder| modules(&folder)).collect()
    }

    /// Returns the kernel's own modules that dkms has moved aside.
    pub fn aside(&self, release: &Release) -> Vec<String> {
        let kernel = self.folder.join(ASIDE).join(release.as_str());
        let arches = names_in(&kernel).into_iter();
        arches
            .flat_map(|arch| modules(&kernel.join(arch)))
            .collect()
    }

    /// Deletes what dkms has moved aside of a package's prebuilt modules. Otherwise dkms would put an
    /// old file over that of the package, or put it back when the package is gone.
    pub fn forget_aside(&self, prebuilt: &Prebuilt) {
        let kernel = self.folder.join(ASIDE).join(&prebuilt.kernel);
        for arch in names_in(&kernel) {
            for file in &prebuilt.files {
                let aside = kernel
                    .join(&arch)
                    .join(file.file_name().unwrap_or_default());
                let mut note = aside.clone().into_os_string();
                note.push(".origin");
                let from = fs::read_to_string(&note).unwrap_or_default();
                if prebuilt.has(Path::new(from.trim_end())) {
                    fs::remove_file(&note).ok();
                    fs::remove_file(&aside).ok();
                }
            }
        }
    }

    /// Registers a source with dkms. Repairs a record that an earlier version of the package or an
    /// earlier run left incomplete.
    ///
    /// # Errors
    ///
    /// If dkms does not accept the source, or if the record can't be repaired.
    pub fn register(&self, source: &DkmsSource) -> Result<()> {
        let record = self.folder.join(&source.version);
        if record.join("source").is_symlink() {
            return self.lead_to(&source.version, &source.folder);
        }
        if record.exists() {
            // dkms calls it broken and does nothing with it. Nothing in it is worth keeping.
            let failed = || format!("can't remove {}", self.system.shown(&record));
            fs::remove_dir_all(&record).with_context(failed)?;
        }
        // Pass the directory, because dkms may be configured to look for sources elsewhere.
        let tree = self.system.sources();
        let tree = tree.to_string_lossy();
        let ended = self.dkms("add", &source.version, &["--sourcetree", &tree]);
        if !ended.well() {
            bail!("dkms {}:\n{}", ended.how(), ended.last(3));
        }
        Ok(())
    }

    /// Removes the modules of an older version for a kernel.
    fn retire_for(&self, old: &str, source: &DkmsSource, release: &Release, voice: &Voice) {
        let own = self.modules(old, release);
        let aside = self.aside(release);
        self.dkms("remove", old, &["-k", release.as_str()]);
        let new = match self.installed(&source.version, release) {
            true => self.modules(&source.version, release),
            false => Vec::new(),
        };
        if own.is_empty() || own == new {
            return;
        }
        // dkms goes by the new version's dkms.conf. It leaves modules that are not named there, and
        // leaves the whole record if that lacks a module.
        self.drop_for(old, release);
        let left = own.into_iter().filter(|module| !new.contains(module));
        let left: Vec<String> = self.not_put_back(left, &aside, release).collect();
        take(self.system, voice, self.name, release, &left);
    }

    /// Returns those of the modules that dkms has not put back: the others are the kernel's own.
    /// `aside` is what [`Records::aside`] returned before.
    pub fn not_put_back(
        &self,
        modules: impl Iterator<Item = String>,
        aside: &[String],
        release: &Release,
    ) -> impl Iterator<Item = String> {
        let still = self.aside(release);
        modules.filter(move |module| !aside.contains(module) || still.contains(module))
    }

    /// Drops a version's record for a kernel.
    fn drop_for(&self, version: &str, release: &Release) {
        let record = self.folder.join(version).join(release.as_str());
        for arch in names_in(&record) {
            let link = self.folder.join(format!("kernel-{release}-{arch}"));
            if fs::read_link(&link).is_ok_and(|to| self.folder.join(to) == record.join(&arch)) {
                fs::remove_file(link).ok();
            }
        }
        fs::remove_dir_all(record).ok();
    }

    /// Removes a version for all kernels.
    pub fn remove(&self, version: &str) -> Ended {
        self.dkms("remove", version, &["--all"])
    }

    /// Deletes all records without dkms, except for the kernels' own modules that dkms has moved
    /// aside: there may be no other copy of them. Returns their files.
    ///
    /// # Errors
    ///
    /// If something can't be deleted.
    pub fn drop_all(&self) -> io::Result<Vec<PathBuf>> {
        let mut aside = Vec::new();
        let place = self.folder.join(ASIDE);
        if place.exists() {
            let walked = below(&place, &mut |path, stat| {
                if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
                    aside.push(path);
                }
                Ok(true)
            });
            walked.map_err(io::Error::other)?;
        }
        for name in names_in(&self.folder) {
            let path = self.folder.join(&name);
            match path.symlink_metadata()?.is_dir() {
                true if name == ASIDE && !aside.is_empty() => {}
                true => fs::remove_dir_all(path)?,
                false => fs::remove_file(path)?,
            }
        }
        // This fails, as it should, if something was kept.
        fs::remove_dir(&self.folder).ok();
        Ok(aside)
    }

    /// Points a record to a source. Its own source may be gone with an older package, and dkms does
    /// nothing without a dkms.conf.
    ///
    /// # Errors
    ///
    /// If the link can't be changed.
    pub fn lead_to(&self, version: &str, source: &Path) -> Result<()> {
        let link = self.folder.join(version).join("source");
        if fs::read_link(&link).is_ok_and(|target| target == source) {
            return Ok(());
        }
        let failed = || format!("can't change {}", self.system.shown(&link));
        let new = link.with_extension("new");
        fs::remove_file(&new).ok();
        symlink(source, &new).with_context(failed)?;
        fs::rename(&new, &link).with_context(failed)
    }

    /// Removes what older versions have built, for each kernel that has the new module installed or
    /// that is excluded.
    pub fn retire(
        &self,
        source: &DkmsSource,
        kernels: &[Release],
        voice: &Voice,
        excluded: impl Fn(&Release) -> bool,
    ) {
        for old in self.versions() {
            if old == source.version {
                continue;
            }
            let record = self.folder.join(&old);
            let built = self.kernels_built(&record);
            if !record.join("source").is_symlink() {
                // Broken: dkms would complain about it forever.
                if built.is_empty() {
                    fs::remove_dir_all(&record).ok();
                }
                continue;
            }
            if self.lead_to(&old, &source.folder).is_err() {
                continue;
            }
            for release in kernels {
                if self.installed(&source.version, release) || excluded(release) {
                    self.retire_for(&old, source, release, voice);
                }
            }
            let left = self.kernels_built(&record);
            let needed = kernels
                .iter()
                .any(|release| left.contains(&release.to_string()));
            if !needed && record.exists() {
                self.remove(&old);
            }
        }
    }

    /// Returns the kernels for which a record has a module.
    fn kernels_built(&self, record: &Path) -> Vec<String> {
        let mut kernels = names_in(record);
        kernels.retain(|kernel| {
            let arches = names_in(&record.join(kernel)).into_iter();
            let mut modules = arches.map(|arch| record.join(kernel).join(arch).join("module"));
            modules.any(|module| module.is_dir())
        });
        kernels
    }

    /// Runs dkms for a version.
    pub fn dkms(&self, action: &str, version: &str, more: &[&str]) -> Ended {
        let args = [&[action, "-m", self.name, "-v", version], more].concat();
        run(self.system, "dkms", &args)
    }
}
