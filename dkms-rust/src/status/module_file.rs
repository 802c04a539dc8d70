// SPDX-License-Identifier: GPL-2.0-only

//! Reads a module's file: the information in its sections, and its signature.

use crate::build::info;
use crate::build::symbols::of_rust;
use crate::system::bounded::{self, Budget};
use crate::system::search::program;
use anyhow::{Context, Result, ensure};
use object::{Object, ObjectSection, ObjectSymbol};
use std::collections::HashMap;
use std::path::Path;
use std::process::{Command, Stdio};

/// The last bytes of a signed module.
const MARK: &[u8] = b"~Module signature appended~\n";

/// The length of the trailer between the signature and the mark. Its last four bytes are the
/// signature's length.
const TRAILER: usize = 12;

/// The first bytes of a compressed file, and the command that unpacks it. xz is unpacked without a
/// command.
const PACKED: [(&[u8], &[&str]); 2] = [
    (b"\x28\xb5\x2f\xfd", &["zstd", "-dcq", "--"]),
    (b"\x1f\x8b", &["gzip", "-dc", "--"]),
];

/// A module's file.
#[derive(Debug, Default)]
pub struct ModuleFile {
    /// The note with the linker's build ID.
    pub build_id: Option<Vec<u8>>,
    /// The release of the kernel that it was built for.
    pub release: Option<String>,
    /// What it declares with `MODULE_VERSION`.
    pub version: Option<String>,
    /// A hash of the source that it was built from.
    pub srcversion: Option<String>,
    /// Whether it lists the devices that it supports.
    pub for_devices: bool,
    /// Its signature, as a PKCS#7 message.
    pub signature: Option<Vec<u8>>,
    /// How it was built: the value of [`info::FIELD`].
    pub built: Option<String>,
    /// The symbols that it imports from the kernel or from other modules, with their CRCs if the
    /// module has them.
    pub needs: Vec<(String, Option<u64>)>,
}

/// The sections that are read.
const INFO: &str = ".modinfo";
const VERSIONS: &str = "__versions";
const BUILD_ID: &str = ".note.gnu.build-id";
const SECTIONS: [&str; 3] = [INFO, VERSIONS, BUILD_ID];

/// The length of a record in `__versions`, and of the CRC at its start.
const RECORD: usize = 64;
const CRC: usize = 8;

impl ModuleFile {
    /// Reads a file, compressed or not.
    ///
    /// # Errors
    ///
    /// If it can't be read or unpacked, or is not a module.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = unpacked(path, bounded::OBJECT)
            .with_context(|| format!("can't read {}", path.display()))?;
        Self::parse(&bytes).with_context(|| format!("{} is not a module", path.display()))
    }

    fn parse(bytes: &[u8]) -> Result<Self> {
        let file = object::File::parse(bytes)?;
        let mut budget = Budget::of(bytes);
        let mut sections = HashMap::new();
        for section in file.sections() {
            let name = budget.take(section.name_bytes()?)?;
            if SECTIONS.iter().any(|wanted| wanted.as_bytes() == name) {
                sections.entry(name).or_insert(section.data()?);
            }
        }
        let section = |name: &str| sections.get(name.as_bytes()).copied();
        let info = section(INFO).context("it has no section .modinfo")?;
        let values = info
            .split(|byte| *byte == 0)
            .filter_map(|word| std::str::from_utf8(word).ok()?.split_once('='));
        let value = |wanted: &str| {
            let mut values = values.clone();
            let (_, value) = values.find(|(key, _)| *key == wanted)?;
            Some(value.to_owned())
        };
        let crcs = section(VERSIONS).map(crcs).unwrap_or_default();
        let mut needs = Vec::new();
        for symbol in file.symbols() {
            let name = String::from_utf8_lossy(budget.take(symbol.name_bytes()?)?);
            if symbol.is_undefined() && symbol.is_global() && !name.is_empty() {
                let crc = crcs.get(&*name).copied();
                needs.push((name.into_owned(), crc));
            }
        }
        Ok(Self {
            built: value(info::FIELD),
            version: value("version"),
            srcversion: value("srcversion"),
            for_devices: value("alias").is_some(),
            needs,
            build_id: section(BUILD_ID).map(<[u8]>::to_vec),
            release: value("vermagic").and_then(|magic| Some(magic.split(' ').next()?.to_owned())),
            signature: signature(bytes).map(<[u8]>::to_vec),
        })
    }

    /// Whether dkms-rust may have built it: it says so, or it takes Rust code from the kernel. Those
    /// built with a kernel's own metadata do not say so.
    pub fn may_be_ours(&self) -> bool {
        let mut needs = self.needs.iter();
        self.built.is_some() || needs.any(|(name, _)| of_rust(name))
    }

    /// Returns the name of the signer.
    pub fn signer(&self) -> Option<String> {
        common_name(self.signature.as_deref()?)
    }
}

/// Parses the section `__versions`: the CRCs of the symbols that a module imports.
fn crcs(section: &[u8]) -> HashMap<String, u64> {
    section
        .chunks_exact(RECORD)
        .filter_map(|record| {
            let (crc, name) = record.split_first_chunk::<CRC>()?;
            let name = name.split(|byte| *byte == 0).next()?;
            let name = std::str::from_utf8(name).ok()?;
            Some((name.to_owned(), u64::from_ne_bytes(*crc)))
        })
        .collect()
}

/// Reads a file and unpacks it.
///
/// # Errors
///
/// If it can't be read or unpacked, or the result has more than `most` bytes.
pub fn unpacked(path: &Path, most: u64) -> Result<Vec<u8>> {
    let bytes = bounded::read(path, most)?;
    if bytes.starts_with(b"\xfd7zXZ\0") {
        return bounded::all(bounded::xz(&*bytes)?, most);
    }
    match PACKED.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        Some((_, command)) => unpacked_by(command, path, most),
        None => Ok(bytes),
    }
}

fn unpacked_by(command: &[&str], path: &Path, most: u64) -> Result<Vec<u8>> {
    let mut child = Command::new(program(command[0]))
        .env_clear()
        .args(&command[1..])
        .arg(path)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("{} is needed to unpack it", command[0]))?;
    let pipe = child.stdout.take().context("it has no output")?;
    // If there is too much output, the pipe is closed and the command ends.
    let bytes = bounded::all(pipe, most);
    ensure!(
        child.wait()?.success() || bytes.is_err(),
        "{} failed",
        command[0]
    );
    bytes
}

fn signature(bytes: &[u8]) -> Option<&[u8]> {
    let (rest, trailer) = bytes.strip_suffix(MARK)?.split_last_chunk::<TRAILER>()?;
    let [.., a, b, c, d] = *trailer;
    let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).ok()?;
    rest.get(rest.len().checked_sub(length)?..)
}

/// Returns the first common name in a PKCS#7 message. It is the signer's, because a module's
/// signature contains no certificates.
fn common_name(message: &[u8]) -> Option<String> {
    const COMMON_NAME: &[u8] = b"\x06\x03\x55\x04\x03";
    let place = find(message, COMMON_NAME)? + COMMON_NAME.len();
    let length = usize::from(*message.get(place + 1)?);
    let name = message.get(place + 2..)?.get(..length)?;
    Some(String::from_utf8_lossy(name).into_owned())
}

/// Returns the position of `part` in `whole`.
pub fn find(whole: &[u8], part: &[u8]) -> Option<usize> {
    whole.windows(part.len()).position(|window| window == part)
}

#[cfg(test)]
#[path = "module_file_tests.rs"]
pub(crate) mod tests;
