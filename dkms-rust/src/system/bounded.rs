// SPDX-License-Identifier: GPL-2.0-only

//! Reads untrusted files in a bounded amount of memory.

use anyhow::{Context, Result, ensure};
use liblzma::read::XzDecoder;
use liblzma::stream::Stream;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Larger than any text that is read: configurations, lists of symbols, JSON.
pub const TEXT: u64 = 64 << 20;

/// Larger than any object file or module.
pub const OBJECT: u64 = 512 << 20;

/// The memory limit of liblzma's decoder; the largest of xz's own presets needs 65 MiB.
pub const DECODER: u64 = 256 << 20;

/// Reads a whole file.
///
/// # Errors
///
/// If it can't be read, or has more than `most` bytes.
pub fn read(path: &Path, most: u64) -> Result<Vec<u8>> {
    all(File::open(path)?, most)
}

/// Reads a reader to its end.
///
/// # Errors
///
/// If it can't be read, or there are more than `most` bytes.
pub fn all(reader: impl Read, most: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(most + 1).read_to_end(&mut bytes)?;
    ensure!(
        bytes.len() as u64 <= most,
        "it has more than {} MB",
        most >> 20
    );
    Ok(bytes)
}

/// Reads a program's output, or nothing if that can't be read. Of a log larger than [`TEXT`], reads
/// only the beginning, where the first error is.
pub fn log(path: &Path) -> String {
    let mut bytes = Vec::new();
    if let Ok(file) = File::open(path) {
        file.take(TEXT).read_to_end(&mut bytes).ok();
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Returns a decoder for an `.xz` file.
///
/// # Errors
///
/// If liblzma can't make one.
pub fn xz<R: Read>(reader: R) -> io::Result<XzDecoder<R>> {
    let stream = Stream::new_stream_decoder(DECODER, 0)?;
    Ok(XzDecoder::new_stream(reader, stream))
}

/// The limit on what is read from a file in parts: the parts that an object file names may overlap,
/// and together be far larger than the file.
pub struct Budget(u64);

impl Budget {
    /// Returns the budget of a file: twice its length. Linkers let names share their ends, but only
    /// few names do.
    pub fn of(file: &[u8]) -> Self {
        Self(2 * file.len() as u64)
    }

    /// Takes a part from the budget, and returns the part.
    ///
    /// # Errors
    ///
    /// If the budget is used up.
    pub fn take<'a>(&mut self, part: &'a [u8]) -> Result<&'a [u8]> {
        let cost = part.len() as u64 + 1;
        self.0 = self.0.checked_sub(cost).context("its parts overlap")?;
        Ok(part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use liblzma::stream::{Check, Filters, LzmaOptions};
    use liblzma::write::XzEncoder;
    use std::io::Write;

    #[test]
    fn what_is_larger_than_it_may_be_is_an_error() {
        assert_eq!(all(&b"1234"[..], 4).unwrap(), b"1234");
        let error = all(io::repeat(0), 1 << 20).unwrap_err();
        assert_eq!(error.to_string(), "it has more than 1 MB");
        assert!(read(Path::new("/dev/zero"), 10).is_err());
        assert_eq!(log(Path::new("/dev/zero")).len() as u64, TEXT);
        assert_eq!(log(Path::new("/nonexistent")), "");
    }

    #[test]
    fn a_file_that_would_take_much_memory_to_decode_is_an_error() {
        let packed = |dictionary| {
            let mut options = LzmaOptions::new_preset(0).unwrap();
            options.dict_size(dictionary);
            let mut filters = Filters::new();
            filters.lzma2(&options);
            let stream = Stream::new_stream_encoder(&filters, Check::Crc32).unwrap();
            let mut encoder = XzEncoder::new_stream(Vec::new(), stream);
            encoder.write_all(b"text").unwrap();
            encoder.finish().unwrap()
        };
        let unpacked = |bytes: &[u8]| all(xz(bytes).unwrap(), TEXT);
        assert_eq!(unpacked(&packed(64 << 20)).unwrap(), b"text");
        assert!(unpacked(&packed(512 << 20)).is_err());
    }
}
