// SPDX-License-Identifier: GPL-2.0-only

//! Bytes whose number is known before they are made.
//!
//! `KVec` counts what is added to it with checks for an overflow that can't happen, and each of
//! them would bring the code of a panic into the module. Here is nothing that could panic.

use core::mem::MaybeUninit;
use kernel::alloc::Flags;
use kernel::prelude::*;

/// Makes `length` bytes, which `fill` writes.
///
/// # Errors
///
/// `ENOMEM`, or those of `fill`.
///
/// # Safety
///
/// When `fill` returns `Ok`, it has written all of the slice that it was given.
pub(super) unsafe fn filled(
    length: usize,
    flags: Flags,
    fill: impl FnOnce(&mut [MaybeUninit<u8>]) -> Result,
) -> Result<KVec<u8>> {
    let mut bytes = KVec::with_capacity(length, flags)?;
    fill(bytes.spare_capacity_mut().get_mut(..length).ok_or(ENOMEM)?)?;
    let (start, _, capacity) = bytes.into_raw_parts();
    // SAFETY: These are the parts of a vector that was just taken apart. Its capacity is at least
    // `length`, or there had been no slice to fill, and that many bytes the caller has written.
    Ok(unsafe { KVec::from_raw_parts(start, length, capacity) })
}

/// Copies two pieces, the second behind the first.
///
/// # Errors
///
/// `ENOMEM`.
pub(crate) fn concat(first: &[u8], second: &[u8], flags: Flags) -> Result<KVec<u8>> {
    let length = first.len().checked_add(second.len()).ok_or(ENOMEM)?;
    let fill = |places: &mut [MaybeUninit<u8>]| {
        let bytes = Iterator::chain(first.iter(), second);
        places.iter_mut().zip(bytes).for_each(|(place, byte)| {
            place.write(*byte);
        });
        Ok(())
    };
    // SAFETY: There are as many places as bytes.
    unsafe { filled(length, flags, fill) }
}
