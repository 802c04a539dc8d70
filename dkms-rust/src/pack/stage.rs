// SPDX-License-Identifier: GPL-2.0-only

//! A directory with the files of a Debian package, and the package made of it.

use crate::system::below::below;
use crate::system::run::status;
use crate::system::search::program;
use anyhow::{Context, Result, ensure};
use rustix::fs::FileType;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The size of a block in `Installed-Size`.
const BLOCK: u64 = 1024;

/// The time of all files in a package, as seconds since 1970. Debian's tools heed it, too.
pub const EPOCH: &str = "SOURCE_DATE_EPOCH";

/// The directory of what is not installed: the control file, the scripts.
const CONTROL: &str = "DEBIAN";

/// A directory that is yet to be filled.
pub struct Stage(PathBuf);

impl Stage {
    /// Begins in a directory that does not exist yet.
    pub fn new(folder: PathBuf) -> Self {
        Self(folder)
    }

    /// Writes a file with this mode. `path` is that in the package, with a leading slash.
    ///
    /// # Errors
    ///
    /// If it can't be written.
    pub fn put(&self, path: impl AsRef<Path>, content: &[u8], mode: u32) -> Result<()> {
        self.make(path.as_ref(), |path| {
            fs::write(path, content)?;
            fs::set_permissions(path, Permissions::from_mode(mode))
        })
    }

    /// Makes a symbolic link. `path` is that in the package, with a leading slash.
    ///
    /// # Errors
    ///
    /// If it can't be made.
    pub fn link(&self, path: impl AsRef<Path>, target: &str) -> Result<()> {
        self.make(path.as_ref(), |path| symlink(target, path))
    }

    fn make(&self, path: &Path, make: impl FnOnce(&Path) -> io::Result<()>) -> Result<()> {
        let path = self.0.join(path.strip_prefix("/").unwrap_or(path));
        fs::create_dir_all(path.parent().unwrap_or(Path::new("/")))
            .and_then(|()| make(&path))
            .with_context(|| format!("can't write {}", path.display()))
    }

    /// Returns the value of `Installed-Size`.
    ///
    /// # Errors
    ///
    /// If a directory can't be read.
    pub fn size(&self) -> Result<u64> {
        size(&self.0)
    }

    /// Makes the package `path` with this control file. All its files have the same time, in seconds
    /// since 1970.
    ///
    /// # Errors
    ///
    /// If dpkg-deb fails.
    pub fn build(&self, control: &str, time: u64, path: &Path) -> Result<PathBuf> {
        if let Some(sums) = self.sums()? {
            self.put("/DEBIAN/md5sums", sums.as_bytes(), 0o644)?;
        }
        self.put("/DEBIAN/control", control.as_bytes(), 0o644)?;
        // Whoever takes packages from there must not find half of one.
        let new = path.with_extension("deb.new");
        let mut build = Command::new(program("dpkg-deb"));
        build.args(["--root-owner-group", "-Zxz", "--build"]);
        build.arg(&self.0).arg(&new).env(EPOCH, time.to_string());
        build.stdout(std::process::Stdio::null());
        let written = status(&mut build, "dpkg-deb")?;
        ensure!(written.success(), "dpkg-deb failed ({written})");
        fs::rename(&new, path).with_context(|| format!("can't write {}", path.display()))?;
        Ok(path.to_owned())
    }

    /// Returns the sums of all files, by which debsums and `dpkg --verify` check them, if there are
    /// any files.
    fn sums(&self) -> Result<Option<String>> {
        let mut files = Vec::new();
        if self.0.exists() {
            below(&self.0, &mut |path, stat| {
                let own = path.strip_prefix(&self.0)?;
                if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile {
                    files.push(own.to_owned());
                }
                Ok(own != Path::new(CONTROL))
            })?;
        }
        if files.is_empty() {
            return Ok(None);
        }
        files.sort();
        let mut sums = Command::new(program("md5sum"));
        let output = sums.current_dir(&self.0).args(files).output();
        let output = output.context("can't run md5sum")?;
        ensure!(output.status.success(), "md5sum failed ({})", output.status);
        Ok(Some(String::from_utf8(output.stdout)?))
    }
}

/// Returns the size of all files in a directory, in [`BLOCK`]s, each rounded up as dpkg does.
fn size(folder: &Path) -> Result<u64> {
    let mut sum = 0;
    below(folder, &mut |_, stat| {
        sum += match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => u64::try_from(stat.st_size)?.div_ceil(BLOCK),
            _ => 1,
        };
        Ok(true)
    })?;
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_files_have_a_sum_but_not_those_of_dpkg() {
        let dir = tempfile::tempdir().unwrap();
        let stage = Stage::new(dir.path().join("stage"));
        assert_eq!(stage.sums().unwrap(), None);
        for path in ["/usr/b", "/usr/a/c", "/DEBIAN/prerm"] {
            stage.put(path, b"x\n", 0o644).unwrap();
        }
        let sum = "401b30e3b8b5d629635a5c613cdb7919";
        let both = format!("{sum}  usr/a/c\n{sum}  usr/b\n");
        assert_eq!(stage.sums().unwrap(), Some(both));
    }
}
