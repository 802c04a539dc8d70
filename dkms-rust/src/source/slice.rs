// SPDX-License-Identifier: GPL-2.0-only

//! Slices: the part of a kernel's source that a rebuild needs, in a file of a megabyte for each
//! kernel. It is kept from the first time that the source is seen, so later changes of Debian's
//! archive do no harm. [`slice_file`] reads and writes that file.

use crate::kernel::headers::Kernel;
use crate::kernel::release::Release;
use crate::source::needed::{self, LinuxSource};
use crate::source::slice_file::{self, SliceInfo};
use crate::source::version::{self, Version};
use crate::source::work::WorkDir;
use crate::system::System;
use crate::system::dpkg;
use crate::system::trusted::trusted_path;
use anyhow::{Context, Result, bail};
use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// The directory of slices, below [`System::state`].
pub const FOLDER: &str = "source";
/// The suffix of a slice's name, after the release.
pub const END: &str = ".tar.xz";

/// A slice.
#[derive(Clone, Debug)]
pub struct Slice {
    /// Its file.
    pub file: PathBuf,
    /// What it was taken from.
    pub info: SliceInfo,
}

impl Slice {
    /// Returns the slice that is kept for a kernel, if there is one that nobody else could have
    /// written.
    pub fn kept(system: &System, release: &Release) -> Option<Self> {
        let file = path(system, release);
        trusted_path(&file).ok()?;
        let info = slice_file::info(&file).ok()?;
        Some(Self { file, info })
    }

    /// Takes and keeps the slice of the source at `from`, a directory or an archive. `debian` is
    /// the source package and version that the source is from.
    ///
    /// # Errors
    ///
    /// If it is not a kernel's source, or not of the headers' version and `force` is not set; or if
    /// a file can't be written.
    pub fn take(
        system: &System,
        kernel: &Kernel,
        from: &Path,
        debian: Option<String>,
        force: bool,
    ) -> Result<Self> {
        let release = &kernel.release;
        let folder = folder(system)?;
        let work = WorkDir::new(&folder, release.as_str())?;
        needed::copy(&LinuxSource::open(from)?, &kernel.common, work.path()).with_context(
            || format!("can't take the source of {release} from {}", from.display()),
        )?;
        let version = Version {
            upstream: version::upstream(work.path())?,
            debian,
        };
        let headers = Version::of_headers(system, kernel)?;
        let forced = !version.fits(&headers);
        if forced && !force {
            bail!(
                "{release}: {} is the source of {version}, but the headers are those of {headers}; \
                 --force accepts it, and modules are then linked",
                from.display()
            );
        }
        let files = slice_file::contents(work.path())?;
        let info = SliceInfo {
            version,
            forced,
            files: slice_file::digest(&files),
        };
        let file = put(system, release, |new| slice_file::write(&files, &info, new))?;
        Ok(Self { file, info })
    }

    /// Returns the slice of a source package from dkms-rust-sources, if it contains one that nobody
    /// else could have changed.
    pub fn packaged(system: &System, source: &dpkg::SourcePackage) -> Option<Self> {
        let name = format!("{}_{}{END}", source.package, source.version);
        let file = system.shared().join(FOLDER).join(name);
        trusted_path(&file).ok()?;
        let info = slice_file::info(&file).ok()?;
        let is_its = info.version.debian.as_ref() == Some(&version::name(source));
        is_its.then_some(Self { file, info })
    }

    /// Keeps a copy of the slice for a kernel.
    ///
    /// # Errors
    ///
    /// If the copy can't be written.
    pub fn keep(&self, system: &System, release: &Release) -> Result<Self> {
        let copy = |new: &Path| Ok(fs::copy(&self.file, new).map(drop)?);
        Ok(Self {
            file: put(system, release, copy)?,
            info: self.info.clone(),
        })
    }

    /// Unpacks the slice into `tree`, and replaces files that are there.
    ///
    /// # Errors
    ///
    /// If the slice is damaged, or a file can't be written.
    pub fn unpack(&self, tree: &Path) -> Result<()> {
        slice_file::unpack(&self.file, tree)
    }
}

fn path(system: &System, release: &Release) -> PathBuf {
    system.state().join(FOLDER).join(format!("{release}{END}"))
}

/// Atomically replaces a kernel's slice by the file that `write` writes.
fn put(
    system: &System,
    release: &Release,
    write: impl FnOnce(&Path) -> Result<()>,
) -> Result<PathBuf> {
    let new = folder(system)?.join(format!(".{release}-{}{END}", std::process::id()));
    let file = path(system, release);
    let written = write(&new).and_then(|()| Ok(fs::rename(&new, &file)?));
    if written.is_err() {
        fs::remove_file(&new).ok();
    }
    written.with_context(|| format!("can't write {}", file.display()))?;
    Ok(file)
}

/// Makes the directory of slices, to which only root can write.
fn folder(system: &System) -> Result<PathBuf> {
    let folder = system.state().join(FOLDER);
    let made = DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(&folder);
    made.with_context(|| format!("can't create {} (are you root?)", folder.display()))?;
    trusted_path(&folder)?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::headers::tests::make_installed;
    use crate::source::archive::tests::{FILES, archive};
    use std::os::unix::fs::PermissionsExt;

    const RELEASE: &str = "7.3.4-amd64";

    fn system() -> (tempfile::TempDir, System, Kernel) {
        let root = tempfile::tempdir().unwrap();
        make_installed(root.path(), RELEASE, "CONFIG_RUST=y\n");
        let makefile = root.path().join("usr/src/linux-headers-common/Makefile");
        fs::write(makefile, "VERSION = 7\nPATCHLEVEL = 3\nSUBLEVEL = 4\n").unwrap();
        let system = System::below(root.path());
        let kernel = Kernel::find(&system, &RELEASE.parse().unwrap()).unwrap();
        (root, system, kernel)
    }

    #[test]
    fn a_slice_is_found_again_and_holds_what_a_rebuild_needs() {
        let (root, system, kernel) = system();
        let (_archive, from) = archive(FILES);
        assert!(Slice::kept(&system, &kernel.release).is_none());
        let taken = Slice::take(&system, &kernel, &from, None, false).unwrap();
        let kept = Slice::kept(&system, &kernel.release).unwrap();
        assert_eq!(kept.info, taken.info);
        assert_eq!(kept.info.version.upstream, "7.3.4");
        assert!(!kept.info.forced);

        let tree = root.path().join("tree");
        fs::create_dir_all(tree.join("scripts")).unwrap();
        std::os::unix::fs::symlink("/elsewhere", tree.join("scripts/Makefile")).unwrap();
        kept.unpack(&tree).unwrap();
        let read = |name: &str| fs::read_to_string(tree.join(name)).unwrap();
        assert_eq!(read("rust/kernel/lib.rs"), "//! kernel\n");
        assert_eq!(read("scripts/Makefile"), "# scripts\n");
        assert!(!tree.join(slice_file::INFO).exists());
        // Nothing else is left.
        let folder = system.state().join(FOLDER);
        assert_eq!(
            crate::system::names_in(&folder),
            [format!("{RELEASE}.tar.xz")]
        );
    }

    #[test]
    fn the_same_source_has_the_same_digest_wherever_it_is_from() {
        let (_root, system, kernel) = system();
        let take = |files, debian| {
            let (_archive, from) = archive(files);
            Slice::take(&system, &kernel, &from, debian, true).unwrap()
        };
        let (here, again) = (take(FILES, None), take(FILES, Some("linux 7.3.4-1".into())));
        assert_ne!(here.info, again.info);
        assert_eq!(here.info.files, again.info.files);
        let mut changed = FILES.to_vec();
        let lib = changed
            .iter_mut()
            .find(|(name, _)| name.ends_with("kernel/lib.rs"));
        lib.unwrap().1 = "//! another\n";
        assert_ne!(take(&changed, None).info.files, here.info.files);
    }

    #[test]
    fn a_source_of_another_version_is_taken_only_by_force() {
        let (root, system, kernel) = system();
        let (_archive, from) = archive(FILES);
        let makefile = root.path().join("usr/src/linux-headers-common/Makefile");
        fs::write(makefile, "VERSION = 7\nPATCHLEVEL = 3\nSUBLEVEL = 5\n").unwrap();
        let error = Slice::take(&system, &kernel, &from, None, false).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("is the source of 7.3.4, but the headers are those of 7.3.5"),
            "{text}"
        );
        assert!(Slice::kept(&system, &kernel.release).is_none());
        assert!(
            Slice::take(&system, &kernel, &from, None, true)
                .unwrap()
                .info
                .forced
        );
    }

    #[test]
    fn a_slice_that_others_can_write_or_that_is_damaged_is_none() {
        let (_root, system, kernel) = system();
        let (_archive, from) = archive(FILES);
        let slice = Slice::take(&system, &kernel, &from, None, false).unwrap();
        fs::set_permissions(&slice.file, fs::Permissions::from_mode(0o666)).unwrap();
        assert!(Slice::kept(&system, &kernel.release).is_none());
        fs::set_permissions(&slice.file, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(Slice::kept(&system, &kernel.release).is_some());
        fs::write(&slice.file, "nonsense").unwrap();
        assert!(Slice::kept(&system, &kernel.release).is_none());
    }
}
