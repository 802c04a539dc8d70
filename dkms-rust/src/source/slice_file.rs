// SPDX-License-Identifier: GPL-2.0-only

//! The file of a slice: a tar in an `.xz` file. Its first entry says what it was taken from. The rest
//! is always written in the same way, so the same source gives the same file.

use crate::source::archive;
use crate::source::version::Version;
use crate::system::bounded;
use anyhow::{Context, Result, ensure};
use liblzma::write::XzEncoder;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

/// The name of the first entry.
pub const INFO: &str = "dkms-rust.json";

/// More than twice as fast as liblzma's default; the file is a tenth larger.
const PRESET: u32 = 3;

/// What a slice was taken from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SliceInfo {
    /// The version of the source.
    pub version: Version,
    /// Whether it is of another version than the headers, and the user wanted it anyway.
    pub forced: bool,
    /// A digest of the files, which does not depend on where they came from.
    pub files: String,
}

/// A file of the source: its path, its mode, and its content.
pub type Content = (PathBuf, u32, Vec<u8>);

/// Reads all files below a directory, in the order of their names.
///
/// # Errors
///
/// If one can't be read.
pub fn contents(folder: &Path) -> Result<Vec<Content>> {
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

/// Returns the digest of the files' names, modes and contents.
pub fn digest(files: &[Content]) -> String {
    let mut hash = blake3::Hasher::new();
    for (name, mode, bytes) in files {
        for part in [name.as_os_str().as_bytes(), &mode.to_le_bytes(), bytes] {
            hash.update(&(part.len() as u64).to_le_bytes());
            hash.update(part);
        }
    }
    hash.finalize().to_hex()[..32].to_owned()
}

/// Writes a slice.
///
/// # Errors
///
/// If the file can't be written.
pub fn write(files: &[Content], info: &SliceInfo, file: &Path) -> Result<()> {
    let out = File::create(file)?;
    let mut tar = tar::Builder::new(XzEncoder::new(out, PRESET));
    let text = serde_json::to_vec(info)?;
    append(&mut tar, Path::new(INFO), 0o644, &text)?;
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

/// Unpacks the slice `from` into `tree`, and replaces files that are there.
///
/// # Errors
///
/// If the slice is damaged, or a file can't be written.
pub fn unpack(from: &Path, tree: &Path) -> Result<()> {
    let damaged = || format!("can't read {}", from.display());
    let file = File::open(from).with_context(damaged)?;
    let unpack = |entry: &mut tar::Entry<'_, _>, inside: &Path| {
        let plain = |part| matches!(part, Component::Normal(_));
        ensure!(
            inside.components().all(plain),
            "{} has {}",
            from.display(),
            inside.display()
        );
        if inside != Path::new(INFO) {
            let to = tree.join(inside);
            archive::write(entry, &to)
                .with_context(|| format!("can't unpack {} to {}", from.display(), to.display()))?;
        }
        Ok(true)
    };
    archive::entries(bounded::xz(file)?, unpack).with_context(damaged)
}

/// Reads what a slice was taken from.
///
/// # Errors
///
/// If it is not a slice.
pub fn info(file: &Path) -> Result<SliceInfo> {
    let mut info = None;
    archive::entries(bounded::xz(File::open(file)?)?, |entry, path| {
        ensure!(path == Path::new(INFO), "it is not a slice");
        let mut text = String::new();
        entry.take(64 << 10).read_to_string(&mut text)?;
        info = Some(serde_json::from_str(&text)?);
        Ok(false)
    })?;
    info.context("it is empty")
}
