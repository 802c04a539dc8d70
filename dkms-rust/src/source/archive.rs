// SPDX-License-Identifier: GPL-2.0-only

//! Reads a kernel's source as linux-source packages ship it: a tar in an `.xz` file of many blocks.
//!
//! A rebuild needs a few megabytes of 1.7 GB, so only the blocks that may contain them are read.

use crate::source::xz::Xz;
use crate::system::child::{Stopped, interrupted};
use anyhow::{Context, Result, ensure};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};
use std::thread::{self, ScopedJoinHandle, available_parallelism};

const RECORD: u64 = 512; // the size of a tar's records

/// Larger than any file of a kernel's source, and longer than any path in it.
const LARGEST: u64 = 64 << 20;
const LONGEST: u64 = 64 << 10;

/// An open linux-source archive.
pub struct Archive {
    xz: Xz,
    path: PathBuf,
    /// For each block, where its first tar header is and which path that names; `None` if no header
    /// begins in the block.
    firsts: Vec<Option<(u64, String)>>,
}

impl Archive {
    /// Opens the archive and finds the first header of each block.
    ///
    /// # Errors
    ///
    /// If it is not a complete `.xz` file, or is damaged.
    pub fn open(path: &Path) -> Result<Self> {
        let xz = Xz::open(path)?;
        let firsts =
            first_headers(&xz).with_context(|| format!("can't read {}", path.display()))?;
        Ok(Self {
            xz,
            path: path.to_owned(),
            firsts,
        })
    }

    /// Writes the files below `folder` (a path in the kernel tree) for which `wanted` is true to
    /// the same paths below `target`. Returns the number of files.
    ///
    /// # Errors
    ///
    /// If the archive is damaged or a file can't be written.
    pub fn extract(
        &self,
        folder: &str,
        target: &Path,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<usize> {
        let mut count = 0;
        for blocks in self.runs(folder) {
            count += self
                .extract_run(blocks, folder, target, &wanted)
                .with_context(|| format!("can't unpack {}", self.path.display()))?;
        }
        Ok(count)
    }

    fn extract_run(
        &self,
        blocks: Range<usize>,
        folder: &str,
        target: &Path,
        wanted: &impl Fn(&str) -> bool,
    ) -> Result<usize> {
        let Some((start, _)) = self.firsts[blocks.start] else {
            return Ok(0);
        };
        let length = self.xz.offset(blocks.end) - self.xz.offset(blocks.start);
        let mut reader = self.xz.from_block(blocks.start);
        io::copy(&mut (&mut reader).take(start), &mut io::sink())?;

        let mut count = 0;
        entries(reader, |entry, path| {
            if interrupted() {
                return Err(Stopped::Interrupted.into());
            }
            // An entry belongs to the block in which it begins. The last one may end after these
            // blocks.
            if start + entry.raw_header_position() >= length {
                return Ok(false);
            }
            let Some(inside) = inside_tree(path).filter(|path| path.starts_with(folder)) else {
                return Ok(true);
            };
            if entry.header().entry_type().is_file() && wanted(inside) {
                let to = target.join(inside);
                write(entry, &to).with_context(|| format!("can't write {}", to.display()))?;
                count += 1;
            }
            Ok(true)
        })?;
        Ok(count)
    }

    /// Returns the blocks in which entries below `folder` may begin. Adjacent blocks form one
    /// range.
    fn runs(&self, folder: &str) -> Vec<Range<usize>> {
        let mut runs: Vec<Range<usize>> = Vec::new();
        for block in 0..self.firsts.len() {
            let Some((_, first)) = &self.firsts[block] else {
                continue;
            };
            let next = self.firsts[block + 1..].iter().flatten().next();
            let next = next.map(|(_, path)| path.as_str());
            if may_hold(first, next, folder) {
                match runs.last_mut() {
                    Some(run) if run.end == block => run.end = block + 1,
                    _ => runs.push(block..block + 1),
                }
            }
        }
        runs
    }
}

/// Returns whether entries below `folder` can begin in a block whose first entry is `first`, when
/// the next block's first entry is `next`. Archives are sorted either by whole paths (as git does)
/// or directory by directory (as tar does); both orders are allowed for.
fn may_hold(first: &str, next: Option<&str>, folder: &str) -> bool {
    fn parts(path: &str) -> Vec<&str> {
        path.split('/').filter(|part| !part.is_empty()).collect()
    }
    let last = format!("{folder}\u{10ffff}");
    let by_path = first <= last.as_str() && next.is_none_or(|next| next >= folder);
    let by_folder =
        parts(first) <= parts(&last) && next.is_none_or(|next| parts(next) >= parts(folder));
    by_path || by_folder
}

/// Calls `visit` with each entry of a tar and its path, until that returns false. Only a short path
/// is kept in memory, whatever lengths the tar claims.
///
/// # Errors
///
/// If the tar is damaged, or `visit` fails.
pub fn entries<R: Read>(
    reader: R,
    mut visit: impl FnMut(&mut tar::Entry<'_, R>, &Path) -> Result<bool>,
) -> Result<()> {
    let mut long = None;
    for entry in tar::Archive::new(reader).entries()?.raw(true) {
        let mut entry = entry?;
        let kind = entry.header().entry_type();
        if kind.is_gnu_longname() || kind.is_pax_local_extensions() {
            ensure!(entry.size() <= LONGEST, "it has a name that is too long");
            long = long_path(&mut entry)?.or(long);
            continue;
        }
        if kind.is_gnu_longlink() || kind.is_pax_global_extensions() {
            continue;
        }
        let path = match long.take() {
            Some(path) => path,
            None => entry.header().path()?.into_owned(),
        };
        if !visit(&mut entry, &path)? {
            break;
        }
    }
    Ok(())
}

/// Returns the path from an entry that only holds what is too long for the next entry's header.
fn long_path(entry: &mut tar::Entry<'_, impl Read>) -> Result<Option<PathBuf>> {
    let to_path = |bytes: &[u8]| PathBuf::from(OsStr::from_bytes(bytes));
    if entry.header().entry_type().is_gnu_longname() {
        let mut name = Vec::new();
        entry.read_to_end(&mut name)?;
        return Ok(name.split(|byte| *byte == 0).next().map(to_path));
    }
    let mut path = None;
    for extension in entry.pax_extensions()?.into_iter().flatten() {
        let extension = extension?;
        if extension.key_bytes() == b"path" {
            path = Some(to_path(extension.value_bytes()));
        }
    }
    Ok(path)
}

/// Writes one file, which is executable if the entry is. Replaces what is there: it may be a link
/// to the headers' own file of that name.
///
/// # Errors
///
/// If the archive is damaged, or the file can't be written.
pub fn write(entry: &mut tar::Entry<'_, impl Read>, to: &Path) -> Result<()> {
    ensure!(entry.size() <= LARGEST, "it is too large for a source");
    fs::create_dir_all(to.parent().context("a file has a directory")?)?;
    fs::remove_file(to).ok();
    let mode = entry.header().mode()? & 0o755;
    let mut file = File::options()
        .create_new(true)
        .write(true)
        .mode(mode)
        .open(to)?;
    io::copy(entry, &mut file)?;
    Ok(())
}

/// Returns a path without the archive's own top directory, if the path is a plain one.
fn inside_tree(path: &Path) -> Option<&str> {
    let mut parts = path.components();
    let top = matches!(parts.next(), Some(Component::Normal(_)));
    let plain = parts
        .clone()
        .all(|part| matches!(part, Component::Normal(_)));
    (top && plain).then(|| parts.as_path().to_str()).flatten()
}

/// Finds the first tar header of each block, with one thread per processor.
fn first_headers(xz: &Xz) -> Result<Vec<Option<(u64, String)>>> {
    let blocks: Vec<_> = (0..xz.blocks()).collect();
    let threads = available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let parts: Vec<_> = blocks
            .chunks(blocks.len().div_ceil(threads).max(1))
            .map(|part| scope.spawn(|| part.iter().map(|block| first_header(xz, *block)).collect()))
            .collect();
        let found: Result<Vec<Vec<_>>> = parts.into_iter().map(join).collect();
        Ok(found?.concat())
    })
}

/// Returns what a thread returned.
fn join<T>(thread: ScopedJoinHandle<'_, Result<T>>) -> Result<T> {
    thread
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Finds the first tar header in a block. The checksum of its 512 bytes shows that it is a header.
fn first_header(xz: &Xz, block: usize) -> Result<Option<(u64, String)>> {
    let end = xz.offset(block + 1) - xz.offset(block);
    let mut reader = xz.from_block(block).take(end);
    // Records are aligned to the start of the whole tar.
    let skip = xz.offset(block).next_multiple_of(RECORD) - xz.offset(block);
    io::copy(&mut (&mut reader).take(skip), &mut io::sink())?;
    let mut at = skip;
    let mut header = tar::Header::new_old();
    while reader.read_exact(header.as_mut_bytes()).is_ok() {
        let ustar = &header.as_bytes()[257..262] == b"ustar";
        let plain = header.entry_type().is_file() || header.entry_type().is_dir();
        if ustar && plain && header.cksum()? == checksum(header.as_bytes()) {
            if let Some(path) = header.path().ok().as_deref().and_then(inside_tree) {
                return Ok(Some((at, path.to_owned())));
            }
        }
        at += RECORD;
    }
    Ok(None)
}

/// Returns the sum of a header's bytes, with the checksum field counted as blanks.
fn checksum(header: &[u8; RECORD as usize]) -> u32 {
    let sum = |bytes: &[u8]| bytes.iter().map(|byte| u32::from(*byte)).sum::<u32>();
    sum(&header[..148]) + 8 * u32::from(b' ') + sum(&header[156..])
}

#[cfg(test)]
#[path = "archive_tests.rs"]
pub(crate) mod tests;
