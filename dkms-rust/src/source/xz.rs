// SPDX-License-Identifier: GPL-2.0-only

//! Random access to an `.xz` file, by the blocks that its index lists.
//!
//! A linux-source archive has some 70 blocks of 24 MiB, and a rebuild needs only a handful of them.
//! liblzma's own decoder reads each block (and checks its checksum); this code only finds where the
//! blocks are. The format: <https://tukaani.org/xz/xz-file-format.txt>.

use crate::system::bounded::DECODER;
use anyhow::{Context, Result, ensure};
use liblzma::stream::{Action, Status, Stream};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;

const EDGE: u64 = 12; // the length of a stream's header, and of its footer
const MAGIC: &[u8] = b"\xfd7zXZ\0";
const INPUT: usize = 64 << 10;

/// A block: where it is in the file, and how long it is there.
#[derive(Clone, Copy, Debug)]
struct Block {
    start: u64,
    length: u64,
    /// Where it begins in the decoded file; `decoded` is its length there.
    offset: u64,
    decoded: u64,
}

impl Block {
    /// Returns where the block ends in the decoded file.
    fn end(&self) -> u64 {
        self.offset + self.decoded
    }
}

/// An `.xz` file with one stream.
pub struct Xz {
    file: File,
    header: [u8; EDGE as usize],
    blocks: Vec<Block>,
}

impl Xz {
    /// Opens `path` and reads its index.
    ///
    /// # Errors
    ///
    /// If it is not a complete `.xz` file with one stream.
    pub fn open(path: &Path) -> Result<Self> {
        Self::read(path).with_context(|| format!("can't read {}", path.display()))
    }

    fn read(path: &Path) -> Result<Self> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        ensure!(length >= 2 * EDGE, "it is too short for an .xz file");
        let (mut header, mut footer) = ([0; EDGE as usize], [0; EDGE as usize]);
        file.read_exact_at(&mut header, 0)?;
        file.read_exact_at(&mut footer, length - EDGE)?;
        ensure!(header.starts_with(MAGIC), "it is not an .xz file");
        ensure!(footer.ends_with(b"YZ"), "its end is missing: truncated?");

        let words = u32::from_le_bytes([footer[4], footer[5], footer[6], footer[7]]);
        let index_length = (u64::from(words) + 1) * 4;
        let index_start = (length - EDGE)
            .checked_sub(index_length)
            .filter(|start| *start >= EDGE && index_length < 1 << 24)
            .context("its index is damaged")?;
        let mut index = vec![0; usize::try_from(index_length)?];
        file.read_exact_at(&mut index, index_start)?;
        let blocks = parse_index(&index).context("its index is damaged")?;
        let end = blocks
            .last()
            .map_or(EDGE, |block| block.start + block.length);
        ensure!(
            end == index_start,
            "its index is not that of one whole stream"
        );
        Ok(Self {
            file,
            header,
            blocks,
        })
    }

    /// Returns the number of blocks.
    pub fn blocks(&self) -> usize {
        self.blocks.len()
    }

    /// Returns the offset in the decoded file at which block `number` begins.
    pub fn offset(&self, number: usize) -> u64 {
        match self.blocks.get(number) {
            Some(block) => block.offset,
            None => self.blocks.last().map_or(0, Block::end),
        }
    }

    /// Returns a reader of the decoded file, from the start of block `number` to the end.
    pub fn from_block(&self, number: usize) -> FromBlock<'_> {
        FromBlock {
            xz: self,
            next: number,
            current: None,
        }
    }
}

/// Parses the bytes of an index into its blocks; `None` if they make no sense.
fn parse_index(index: &[u8]) -> Option<Vec<Block>> {
    let mut rest = index.strip_prefix(&[0])?;
    let count = varint(&mut rest)?;
    let (mut start, mut offset) = (EDGE, 0_u64);
    let mut blocks = Vec::new();
    for _ in 0..count {
        let unpadded = varint(&mut rest)?;
        let decoded = varint(&mut rest)?;
        let length = unpadded
            .checked_next_multiple_of(4)
            .filter(|length| *length > 0)?;
        blocks.push(Block {
            start,
            length,
            offset,
            decoded,
        });
        start = start.checked_add(length)?;
        offset = offset.checked_add(decoded)?;
    }
    Some(blocks)
}

/// Reads a number of the index: seven bits per byte, the lowest first.
fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..63).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// The reader that [`Xz::from_block`] returns.
pub struct FromBlock<'a> {
    xz: &'a Xz,
    next: usize,
    current: Option<Decoder>,
}

/// Decodes one block with liblzma, to which it looks like a stream that has only this block.
struct Decoder {
    stream: Stream,
    block: Block,
    /// Bytes that were read from the file, but not decoded yet.
    input: Vec<u8>,
    read: u64,
}

impl Read for FromBlock<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let Some(decoder) = &mut self.current else {
                let Some(block) = self.xz.blocks.get(self.next).copied() else {
                    return Ok(0);
                };
                self.next += 1;
                let stream = Stream::new_stream_decoder(DECODER, 0)?;
                let input = self.xz.header.to_vec();
                self.current = Some(Decoder {
                    stream,
                    block,
                    input,
                    read: 0,
                });
                continue;
            };
            let got = decoder.decode(&self.xz.file, out)?;
            if got > 0 || out.is_empty() {
                return Ok(got);
            }
            self.current = None;
        }
    }
}

impl Decoder {
    /// Decodes some bytes. Returns 0 at the end of the block, after its checksum was found right.
    fn decode(&mut self, file: &File, out: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.input.is_empty() && self.read < self.block.length {
                self.fill(file)?;
            }
            let (in_before, out_before) = (self.stream.total_in(), self.stream.total_out());
            let status = self.stream.process(&self.input, out, Action::Run)?;
            let eaten = (self.stream.total_in() - in_before) as usize;
            let got = (self.stream.total_out() - out_before) as usize;
            self.input.drain(..eaten);
            if got > 0 {
                return Ok(got);
            }
            let all_in = self.input.is_empty() && self.read == self.block.length;
            if all_in && self.stream.total_out() == self.block.decoded {
                return Ok(0);
            }
            if all_in || status == Status::StreamEnd || (eaten == 0 && !self.input.is_empty()) {
                return Err(io::Error::other("a block is damaged"));
            }
        }
    }

    fn fill(&mut self, file: &File) -> io::Result<()> {
        let want = (self.block.length - self.read).min(INPUT as u64) as usize;
        self.input.resize(want, 0);
        file.read_exact_at(&mut self.input, self.block.start + self.read)?;
        self.read += want as u64;
        Ok(())
    }
}

#[cfg(test)]
#[path = "xz_tests.rs"]
pub(crate) mod tests;
