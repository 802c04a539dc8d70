// SPDX-License-Identifier: GPL-2.0-only

//! Vectors of bytes whose length is known in advance.
//!
//! When bytes are added to a `KVec`, it checks for an overflow that cannot happen here. Each of
//! these checks would add the code of a panic to the module. Nothing in this file can panic.

use core::mem::MaybeUninit;
use kernel::alloc::Flags;
use kernel::prelude::*;

/// Allocates `length` bytes and has `fill` write them.
///
/// # Errors
///
/// `ENOMEM`, or an error of `fill`.
///
/// # Safety
///
/// If `fill` returns `Ok`, it has written the whole slice that it was given.
pub(super) unsafe fn filled(
    length: usize,
    flags: Flags,
    fill: impl FnOnce(&mut [MaybeUninit<u8>]) -> Result,
) -> Result<KVec<u8>> {
    let mut bytes = KVec::with_capacity(length, flags)?;
    fill(bytes.spare_capacity_mut().get_mut(..length).ok_or(ENOMEM)?)?;
    let (start, _, capacity) = bytes.into_raw_parts();
    // SAFETY: These are the parts of a vector that was just taken apart. Its capacity is at least
    // `length`, because otherwise there would have been no slice to fill. The caller guarantees
    // that this many bytes have been written.
    Ok(unsafe { KVec::from_raw_parts(start, length, capacity) })
}

/// Copies two pieces into a vector, the second after the first.
///
/// # Errors
///
/// `ENOMEM`.
pub(crate) fn concat(first: &[u8], second: &[u8], flags: Flags) -> Result<KVec<u8>> {
    let length = first.len().checked_add(second.len()).ok_or(ENOMEM)?;
    let fill = |places: &mut [MaybeUninit<u8>]| {
        let (front, back) = places.split_at_mut_checked(first.len()).ok_or(ENOMEM)?;
        copy(first, front);
        copy(second, back);
        Ok(())
    };
    // SAFETY: Each part has as many places as its piece has bytes, so each place is written.
    unsafe { filled(length, flags, fill) }
}

fn copy(bytes: &[u8], places: &mut [MaybeUninit<u8>]) {
    places.iter_mut().zip(bytes).for_each(|(place, byte)| {
        place.write(*byte);
    });
}
