// SPDX-License-Identifier: GPL-2.0-only

use super::*;
use liblzma::stream::{Check, Filters, LzmaOptions};
use std::fs;

/// Compresses `data` into blocks of at most `block` bytes, as `xz -T` does.
pub(crate) fn compress(data: &[u8], block: usize) -> Vec<u8> {
    let mut filters = Filters::new();
    filters.lzma2(&LzmaOptions::new_preset(0).unwrap());
    let mut stream = Stream::new_stream_encoder(&filters, Check::Crc64).unwrap();
    let mut out = Vec::with_capacity(data.len() * 2 + 4096);
    for part in data.chunks(block) {
        let before = stream.total_in();
        while stream.total_in() - before < part.len() as u64 {
            let rest = &part[(stream.total_in() - before) as usize..];
            stream.process_vec(rest, &mut out, Action::Run).unwrap();
        }
        // End the block.
        while stream
            .process_vec(&[], &mut out, Action::FullFlush)
            .unwrap()
            != Status::StreamEnd
        {}
    }
    while stream.process_vec(&[], &mut out, Action::Finish).unwrap() != Status::StreamEnd {}
    out
}

fn sample() -> Vec<u8> {
    let squares = (0..200_000_u32).map(|n| n.wrapping_mul(n) / 7);
    squares.flat_map(u32::to_le_bytes).collect()
}

#[test]
fn any_block_can_be_read_from() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.xz");
    let data = sample();
    fs::write(&path, compress(&data, 100_000)).unwrap();
    let xz = Xz::open(&path).unwrap();
    assert_eq!(xz.blocks(), 8);
    for number in [0, 3, 7] {
        let mut out = Vec::new();
        xz.from_block(number).read_to_end(&mut out).unwrap();
        assert_eq!(xz.offset(number), number as u64 * 100_000);
        assert!(out == data[number * 100_000..], "block {number}");
    }
}

#[test]
fn a_truncated_file_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.xz");
    let whole = compress(&sample(), 100_000);
    for length in [0, 11, 30, whole.len() / 2, whole.len() - 1] {
        fs::write(&path, &whole[..length]).unwrap();
        assert!(Xz::open(&path).is_err(), "{length} of {}", whole.len());
    }
}

#[test]
fn a_flipped_bit_is_told_when_its_block_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.xz");
    let mut bytes = compress(&sample(), 100_000);
    bytes[1000] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let xz = Xz::open(&path).unwrap();
    assert!(xz.from_block(0).read_to_end(&mut Vec::new()).is_err());
    assert!(xz.from_block(1).read_to_end(&mut Vec::new()).is_ok());
}

#[test]
fn what_is_not_xz_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.xz");
    fs::write(&path, [0; 100]).unwrap();
    assert!(format!("{:#}", Xz::open(&path).err().unwrap()).contains("not an .xz file"));
}
