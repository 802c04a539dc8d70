// SPDX-License-Identifier: GPL-2.0-only

//! The slot of an open file: the content that it has begun.
//!
//! A content never changes. A newer content replaces it in the entry, and an open file continues
//! with the one that it has begun until it begins again. For this it shares the content and
//! allocates nothing: the slot is one pointer, which owns a reference.
//!
//! A call that reads needs the content for longer than a lock may be held. It marks the pointer as
//! held, in its lowest bit, and removes the mark at the end. These are two atomic operations on a
//! word that belongs to the open file alone. If the slot is replaced while a call holds the mark,
//! this call takes over the reference to the old content. So readers of different open files share
//! nothing. A call only takes the entry's lock if another call holds the content, or if it has to
//! begin a newer content.
//!
//! The exchange that sets the mark compares addresses. Between the load of the slot and the
//! exchange, the content may be freed and a new one allocated at the same address. The exchange
//! then succeeds and holds the new one, to which the slot owns a reference. Therefore:
//!
//! - Use the pointer that the exchange returns, never the loaded one.
//! - A marked pointer was computed from the loaded one, and may carry the provenance of the freed
//!   content. So only its address is used, and `with_exposed_provenance` makes a usable pointer
//!   from it. For this the provenance of each pointer in a slot is exposed.
//!
//! `dev/model` runs this file on the host: in every interleaving that loom finds, and in Miri.

use super::newest::Newest;
use super::parts::{Lock, Shared, Word};
use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ops::Deref;
use core::ptr;

/// The mark of a pointer to a content that a call holds.
const HELD: usize = 1;

/// The slot of an open file during a call.
///
/// # Invariants
///
/// - `word` is null or a pointer from [`Shared::into_raw`], possibly with the mark [`HELD`], and
///   owns one reference. Its provenance has been exposed. If it is marked, only its address may be
///   used.
/// - It changes to another content only while `newest` is locked, or when no other call can come.
/// - As long as the mark is set, one [`Content`] is responsible for it. If the slot changes during
///   this time, that `Content` owns the reference that the slot owned.
pub(super) struct Slot<'a, P: Shared, W: Word<P::Value>, L: Lock> {
    word: &'a W,
    newest: &'a Newest<P, W, L>,
}

impl<'a, P: Shared, W: Word<P::Value>, L: Lock> Slot<'a, P, W, L> {
    /// # Safety
    ///
    /// `word` was null at first, and is used only by slots that are made with the same `newest`.
    #[inline(always)]
    pub(super) unsafe fn new(word: &'a W, newest: &'a Newest<P, W, L>) -> Self {
        const { assert!(align_of::<P::Value>() > HELD, "the mark needs a bit") };
        // INVARIANT: The caller guarantees this, and only the functions here change `word`.
        Self { word, newest }
    }

    /// Returns the content that this open file continues with: with `anew` the newest, otherwise
    /// the one that it has begun. If it has not begun any, it begins the newest.
    #[inline(always)]
    pub(super) fn content(&self, anew: bool) -> Content<'a, P, W> {
        let begun = self.word.load();
        let goes_on = if anew {
            begun == self.newest.peek()
        } else {
            !begun.is_null() && !is_held(begun)
        };
        let held = match goes_on {
            true => hold(self.word, begun),
            false => None,
        };
        let (content, held) = match held {
            Some(content) => (content, true),
            None => content_with_lock(self.word, self.newest, anew),
        };
        // INVARIANT: The mark or the reference belongs to this `Content`.
        Content {
            word: self.word,
            content,
            held,
            _content: PhantomData,
        }
    }

    /// Releases the content that was begun.
    ///
    /// # Safety
    ///
    /// No other call uses the slot, and none will.
    pub(super) unsafe fn release(self) {
        let before = self.word.swap(ptr::null_mut());
        // No call is left, but its `Content` may have been forgotten, and the mark with it. The
        // slot owns its reference in either case.
        let content = ptr::with_exposed_provenance_mut(before.addr() & !HELD);
        // SAFETY: The pointer was in the slot and is not there any more.
        unsafe { discard::<P>(content) };
    }
}

/// Does the work of [`Slot::content`] if another call holds the content, or if a newer one has to
/// be begun. Returns true with the mark, false with a reference.
#[inline(never)]
fn content_with_lock<P: Shared, W: Word<P::Value>, L: Lock>(
    slot: &W,
    newest: &Newest<P, W, L>,
    anew: bool,
) -> (*mut P::Value, bool) {
    let newest = newest.lock();
    let begun = slot.load().map_addr(|address| address & !HELD);
    if anew && begun != newest.as_ptr() || begun.is_null() {
        // INVARIANT: The slot takes over a reference, and the mark belongs to the caller.
        let content = newest.get().into_raw();
        content.expose_provenance();
        let before = slot.swap(content.wrapping_byte_add(HELD));
        drop(newest);
        // There usually was no content before, because most files are read once.
        if !before.is_null() && !is_held(before) {
            // SAFETY: The pointer was in the slot without the mark, and is not there any more.
            unsafe { discard::<P>(before) };
        }
        return (content, true);
    }
    if let Some(content) = hold(slot, begun) {
        return (content, true);
    }
    // Another call holds the content. The slot owns a reference and can't change to another content
    // while the lock is held, so this makes one more reference.
    let content = ptr::with_exposed_provenance_mut(begun.addr());
    // SAFETY: By the invariants of the slot this address is that of a pointer from `into_raw`, and
    // there is a reference. `ManuallyDrop` leaves that reference to the slot.
    let shared = ManuallyDrop::new(unsafe { P::from_raw(content) });
    (P::clone(&shared).into_raw(), false)
}

fn is_held<V>(pointer: *mut V) -> bool {
    pointer.addr() & HELD != 0
}

/// Sets the mark on an unmarked pointer, and returns the pointer from the slot. Returns `None` if
/// the slot does not contain this pointer.
#[inline(always)]
fn hold<V, W: Word<V>>(slot: &W, pointer: *mut V) -> Option<*mut V> {
    let held = pointer.wrapping_byte_add(HELD);
    // Do not return `pointer`, which may belong to an earlier content.
    slot.exchange_acquire(pointer, held).ok()
}

/// Drops the reference of a pointer that was in a slot.
///
/// # Safety
///
/// `pointer` was in a slot without the mark, and is not there any more; or the reference that came
/// with it was left to the caller.
#[inline(never)]
unsafe fn discard<P: Shared>(pointer: *mut P::Value) {
    if !pointer.is_null() {
        // SAFETY: A pointer from a slot is null or from `into_raw`, and owns a reference.
        drop(unsafe { P::from_raw(pointer) });
    }
}

/// A content that a call may use for any length of time.
///
/// # Invariants
///
/// `content` is from [`Shared::into_raw`]. With `held`, this `Content` is responsible for the mark
/// that was set on it in `word`; otherwise it owns a reference.
pub(crate) struct Content<'a, P: Shared, W: Word<P::Value>> {
    word: &'a W,
    content: *mut P::Value,
    held: bool,
    _content: PhantomData<P>,
}

impl<P: Shared, W: Word<P::Value>> Deref for Content<'_, P, W> {
    type Target = P::Value;

    #[inline(always)]
    fn deref(&self) -> &P::Value {
        // SAFETY: By the type invariant, either this `Content` owns a reference, or the slot owned
        // one when the mark was set. Then the slot still owns it, or this `Content` does.
        unsafe { &*self.content }
    }
}

impl<P: Shared, W: Word<P::Value>> Drop for Content<'_, P, W> {
    #[inline(always)]
    fn drop(&mut self) {
        let held = self.content.wrapping_byte_add(HELD);
        let is_let_go = |slot: &W| slot.exchange_release(held, self.content).is_ok();
        if self.held && is_let_go(self.word) {
            return;
        }
        // SAFETY: By the invariants of this type and of the slot there is a reference, and it
        // belongs to this `Content`.
        unsafe { discard::<P>(self.content) };
    }
}
