// SPDX-License-Identifier: GPL-2.0-only

//! Slices: the part of a kernel's source that a rebuild needs, in a file of a megabyte for each
//! kernel. It is kept from the first time that the source is seen, so later changes of Debian's
//! archive do no harm.
//!
//! A slice is a tar in an `.xz` file. Its first entry says what it was taken from. The rest is
//! always written in the same way, so the same source gives the same file.

use crate::kernel::headers::Kernel;
use crate::kernel::release::Release;
use crate::source::archive;
use crate::source::needed::{self, Place};
use crate::source::version::{self, Version};
use crate::source::work::Work;
use crate::system::System;
use crate::system::bounded;
use crate::system::dpkg;
use crate::system::trusted::trusted_path;
use anyhow::{Context, Result, bail, ensure};
use liblzma::write::XzEncoder;
use serde::{Deserialize, Serialize};
use std::fs::{self, DirBuilder, File};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

/// The directory of slices, below [`System::state`].
pub const FOLDER: &str = "source";
/// The suffix of a slice's name, after the release.
pub const END: &str = ".tar.xz";
const ABOUT: &str = "dkms-rust.json";

/// More than twice as fast as liblzma's default; the file is a tenth larger.
const PRESET: u32 = 3;

/// What a slice was taken from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The version of the source.
    pub version: Version,
    /// Whether it is of another version than the headers, and the user wanted it anyway.
    pub forced: bool,
    /// A digest of the files, which does not depend on where they came from.
    pub files: String,
}

/// A slice.
#[derive(Clone, Debug)]
pub struct Slice {
    /// Its file.
    pub file: PathBuf,
    /// What it was taken from.
    pub about: About,
}

impl Slice {
    /// Returns the slice that is kept for a kernel, if there is one that nobody else could have
    /// written.
    pub fn kept(system: &System, release: &Release) -> Option<Self> {
        let file = path(system, release);
        trusted_path(&file).ok()?;
        let about = read_about(&file).ok()?;
        Some(Self { file, about })
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
        let work = Work::new(&folder, release.as_str())?;
        needed::copy(&Place::open(from)?, &kernel.common, work.path()).with_context(|| {
            format!("can't take the source of {release} from {}", from.display())
        })?;
        let version = Version {
            upstream: version::upstream(work.path())?,
            debian,
        };
        let headers = Version::of_headers(system, kernel)?;
        let forced = !version.fits(&headers);
        if forced && !force {
            bail!(
                "{release}: {} is the source of {version}, but its headers are {headers}; with \
                 --force, modules are linked with it",
                from.display()
            );
        }
        let files = contents(work.path())?;
        let about = About {
            version,
            forced,
            files: digest(&files),
        };
        let file = put(system, release, |new| pack(&files, &about, new))?;
        Ok(Self { file, about })
    }

    /// Returns the slice of a source package from dkms-rust-sources, if it contains one that nobody
    /// else could have changed.
    pub fn packaged(system: &System, source: &dpkg::Source) -> Option<Self> {
        let name = format!("{}_{}{END}", source.package, source.version);
        let file = system.shared().join(FOLDER).join(name);
        trusted_path(&file).ok()?;
        let about = read_about(&file).ok()?;
        let is_its = about.version.debian.as_ref() == Some(&version::name(source));
        is_its.then_some(Self { file, about })
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
            about: self.about.clone(),
        })
    }

    /// Unpacks the slice into `tree`, and replaces files that are there.
    ///
    /// # Errors
    ///
    /// If the slice is damaged, or a file can't be written.
    pub fn unpack(&self, tree: &Path) -> Result<()> {
        let damaged = || format!("can't read {}", self.file.display());
        let file = File::open(&self.file).with_context(damaged)?;
        let unpack = |entry: &mut tar::Entry<'_, _>, inside: &Path| {
            let plain = |part| matches!(part, Component::Normal(_));
            ensure!(
                inside.components().all(plain),
                "{} has {}",
                self.file.display(),
                inside.display()
            );
            if inside != Path::new(ABOUT) {
                let to = tree.join(inside);
                archive::write(entry, &to).with_context(|| {
                    format!("can't unpack {} to {}", self.file.display(), to.display())
                })?;
            }
            Ok(true)
        };
        archive::entries(bounded::xz(file)?, unpack).with_context(damaged)
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

/// A file of the source: its path, its mode, and its content.
type Content = (PathBuf, u32, Vec<u8>);

fn contents(folder: &Path) -> Result<Vec<Content>> {
    let mut names = Vec::new();
    list(folder, Path::new(""), &mut names)?;
    names.sort();
    let content = |name: PathBuf| {
        let path = folder.join(&name);
        let mode = fs::metadata(&path)?.permissions().mode();
        let mode = if mode & 0o100 == 0 { 0o644 } else { 0o755 };
        Ok((name, mode, fs::read(&path)?))
    };
    names.into_iter().map(content).collect()
}

fn digest(files: &[Content]) -> String {
    let mut hash = blake3::Hasher::new();
    for (name, mode, bytes) in files {
        for part in [name.as_os_str().as_bytes(), &mode.to_le_bytes(), bytes] {
            hash.update(&(part.len() as u64).to_le_bytes());
            hash.update(part);
        }
    }
    hash.finalize().to_hex()[..32].to_owned()
}

fn pack(files: &[Content], about: &About, file: &Path) -> Result<()> {
    let out = File::create(file)?;
    let mut tar = tar::Builder::new(XzEncoder::new(out, PRESET));
    let text = serde_json::to_vec(about)?;
    append(&mut tar, Path::new(ABOUT), 0o644, &text)?;
    for (name, mode, bytes) in files {
        append(&mut tar, name, *mode, bytes)?;
    }
    tar.into_inner()?.finish()?.sync_all()?;
    Ok(())
}

/// Adds a file without an owner or a time.
fn append(
    tar: &mut tar::Builder<impl io::Write>,
    name: &Path,
    mode: u32,
    bytes: &[u8],
) -> Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes.len() as u64);
    header.set_mode(mode);
    header.set_cksum();
    Ok(tar.append_data(&mut header, name, bytes)?)
}

fn list(folder: &Path, inside: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder.join(inside))? {
        let entry = entry?;
        let name = inside.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            list(folder, &name, files)?;
        } else {
            files.push(name);
        }
    }
    Ok(())
}

fn read_about(file: &Path) -> Result<About> {
    let mut about = None;
    archive::entries(bounded::xz(File::open(file)?)?, |entry, path| {
        ensure!(path == Path::new(ABOUT), "it is not a slice");
        let mut text = String::new();
        entry.take(64 << 10).read_to_string(&mut text)?;
        about = Some(serde_json::from_str(&text)?);
        Ok(false)
    })?;
    about.context("it is empty")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::headers::tests::make_installed;
    use crate::source::archive::tests::{FILES, archive};

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
        assert_eq!(kept.about, taken.about);
        assert_eq!(kept.about.version.upstream, "7.3.4");
        assert!(!kept.about.forced);

        let tree = root.path().join("tree");
        fs::create_dir_all(tree.join("scripts")).unwrap();
        std::os::unix::fs::symlink("/elsewhere", tree.join("scripts/Makefile")).unwrap();
        kept.unpack(&tree).unwrap();
        let read = |name: &str| fs::read_to_string(tree.join(name)).unwrap();
        assert_eq!(read("rust/kernel/lib.rs"), "//! kernel\n");
        assert_eq!(read("scripts/Makefile"), "# scripts\n");
        assert!(!tree.join(ABOUT).exists());
        // Nothing else is left.
        let folder = system.state().join(FOLDER);
        assert_eq!(crate::system::names(&folder), [format!("{RELEASE}.tar.xz")]);
    }

    #[test]
    fn the_same_source_has_the_same_digest_wherever_it_is_from() {
        let (_root, system, kernel) = system();
        let take = |files, debian| {
            let (_archive, from) = archive(files);
            Slice::take(&system, &kernel, &from, debian, true).unwrap()
        };
        let (here, again) = (take(FILES, None), take(FILES, Some("linux 7.3.4-1".into())));
        assert_ne!(here.about, again.about);
        assert_eq!(here.about.files, again.about.files);
        let mut changed = FILES.to_vec();
        let lib = changed
            .iter_mut()
            .find(|(name, _)| name.ends_with("kernel/lib.rs"));
        lib.unwrap().1 = "//! another\n";
        assert_ne!(take(&changed, None).about.files, here.about.files);
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
            text.contains("is the source of 7.3.4, but its headers are 7.3.5"),
            "{text}"
        );
        assert!(Slice::kept(&system, &kernel.release).is_none());
        assert!(
            Slice::take(&system, &kernel, &from, None, true)
                .unwrap()
                .about
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
