// SPDX-License-Identifier: GPL-2.0-only

//! The slot of an open file: which content it has begun.
//!
//! A content never changes; a newer one takes its place as the entry's, and an open file goes on
//! with the one that it has begun until it begins again. For that it shares the content, and
//! allocates nothing: the slot is one pointer, which owns a reference.
//!
//! A call that reads needs the content to stay for longer than a lock may be held. It marks the
//! pointer as held, in its lowest bit, and takes the mark off in the end: two atomic operations on
//! a word that is the open file's own. If the slot is given another content meanwhile, the call
//! that holds the former takes over its reference. So readers of different open files share
//! nothing, and only a call that finds the content held by another, or is to begin with a newer
//! one, takes the entry's lock.
//!
//! An address tells less than a pointer. Between the load of the slot and the exchange that puts
//! the mark on, the content may go and another take its address. The exchange then succeeds, which
//! does no harm: the slot owns a reference to what is there. But the pointer that was loaded must
//! not be used for it, only the one that the exchange returns. And the marked pointer that was put
//! there is made from the one that was loaded, so that of a marked pointer only the address is
//! good. That is why the provenance of each pointer in a slot is exposed.
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
/// - `word` is null or a pointer from [`Shared::into_raw`], perhaps with the mark [`HELD`], and
///   owns one reference. Its provenance has been exposed. With the mark, only its address counts.
/// - It changes to another content with `newest` locked only, or when no other call can come.
/// - As long as the mark is on, one [`Content`] answers for it. If the slot changes meanwhile, the
///   reference that the slot owned is that one's.
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
        // INVARIANT: What the caller guarantees; only the functions here change it.
        Self { word, newest }
    }

    /// The content that this open file goes on with: with `anew` the newest, or else the one that
    /// it has begun; if it has none yet, it begins.
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
        // INVARIANT: The mark or the reference is this one's.
        Content {
            word: self.word,
            content,
            held,
            _content: PhantomData,
        }
    }

    /// Lets go of what was begun.
    ///
    /// # Safety
    ///
    /// No other call uses the slot, and none will.
    pub(super) unsafe fn release(self) {
        let before = self.word.swap(ptr::null_mut());
        // SAFETY: It was in the slot, and is there no more. No call is left that could hold it.
        unsafe { discard::<P>(before) };
    }
}

/// The same as [`Slot::content`], where another call holds what was begun, or a newer content is
/// to be. Returns true with the mark, false with a reference.
#[inline(never)]
fn content_with_lock<P: Shared, W: Word<P::Value>, L: Lock>(
    slot: &W,
    newest: &Newest<P, W, L>,
    anew: bool,
) -> (*mut P::Value, bool) {
    let newest = newest.lock();
    let begun = slot.load().map_addr(|address| address & !HELD);
    if anew && begun != newest.as_ptr() || begun.is_null() {
        // INVARIANT: The slot takes over a reference, and the mark is the caller's.
        let content = newest.get().into_raw();
        content.expose_provenance();
        let before = slot.swap(content.wrapping_byte_add(HELD));
        drop(newest);
        // Most often there was none: files are read once.
        if !before.is_null() && !is_held(before) {
            // SAFETY: It was in the slot without the mark, and is there no more.
            unsafe { discard::<P>(before) };
        }
        return (content, true);
    }
    if let Some(content) = hold(slot, begun) {
        return (content, true);
    }
    // Another call holds it. As the slot owns a reference, and can't change to another content
    // with the lock held, this makes one more.
    let content = ptr::with_exposed_provenance_mut(begun.addr());
    // SAFETY: By the invariants of the slot it is from `into_raw`, by its address, and there is a
    // reference; `ManuallyDrop` leaves the slot that one.
    let shared = ManuallyDrop::new(unsafe { P::from_raw(content) });
    (P::clone(&shared).into_raw(), false)
}

fn is_held<V>(pointer: *mut V) -> bool {
    pointer.addr() & HELD != 0
}

/// Puts the mark on a pointer without it, and returns the pointer. `None` if the slot does not
/// have this pointer.
#[inline(always)]
fn hold<V, W: Word<V>>(slot: &W, pointer: *mut V) -> Option<*mut V> {
    let held = pointer.wrapping_byte_add(HELD);
    // Not `pointer`, which may be an earlier content's.
    slot.exchange_acquire(pointer, held).ok()
}

/// # Safety
///
/// `pointer` was in a slot without the mark, and is there no longer, or the reference that came
/// with it was left to the caller.
#[inline(never)]
unsafe fn discard<P: Shared>(pointer: *mut P::Value) {
    if !pointer.is_null() {
        // SAFETY: What is in a slot is null or from `into_raw`, and owns a reference.
        drop(unsafe { P::from_raw(pointer) });
    }
}

/// A content that a call may use as long as it likes.
///
/// # Invariants
///
/// `content` is from [`Shared::into_raw`]. With `held` this one answers for the mark that was put
/// on it in `word`; otherwise it owns a reference.
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
        // SAFETY: By the type invariant, either this one owns a reference, or the slot did when
        // the mark was put on; and then it still does, or the reference is this one's.
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
        // SAFETY: By the type invariants of this and of the slot there is a reference, and it is
        // this one's.
        unsafe { discard::<P>(self.content) };
    }
}
