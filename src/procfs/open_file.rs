// SPDX-License-Identifier: GPL-2.0-only

//! One open file: what is known of it, and which content it has begun.
//!
//! A content never changes; a newer one takes its place as the entry's, and an open file goes on
//! with the one that it has begun until it begins again. For that it shares the content, and
//! allocates nothing: the pointer is in the file's `private_data`, which owns a count of it. It is
//! let go when the file is closed or its entry removed.
//!
//! A call that reads needs the content to stay for longer than a lock may be held. It marks the
//! pointer as held, in its lowest bit, and takes the mark off in the end: two atomic operations on
//! a word that is the open file's own. Whoever gives the file another content meanwhile leaves the
//! count of the former to the call that holds it. So readers of different open files share
//! nothing, and only a call that finds the content held by another, or is to begin with a newer
//! one, takes the entry's lock.
//!
//! The words are this module's alone, no C code uses them; so `core`'s atomics will do, which the
//! older kernels' Rust has no others for.

use super::newest::Newest;
use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ops::Deref;
use core::ptr::{self, NonNull};
use core::sync::atomic::AtomicPtr;
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use kernel::bindings;
use kernel::sync::Arc;

/// The mark of a pointer to a content that a call holds.
const HELD: usize = 1;

/// An open file during a call.
///
/// # Invariants
///
/// - `file` is open during `'a`, of an entry that has `newest` and contents of the type `C`.
/// - Its `private_data` is a slot: null or a pointer from [`Arc::<C>::into_raw`](Arc::into_raw),
///   perhaps with the mark [`HELD`], and owns one count of it. To another content it changes with
///   `newest` locked only, or when no other call can come.
/// - As long as the mark is on, one [`Content`] answers for it. If the slot changes meanwhile, the
///   count that the slot owned is that one's.
pub(crate) struct OpenFile<'a, C> {
    file: NonNull<bindings::file>,
    newest: &'a Newest<C>,
    _call: PhantomData<&'a bindings::file>,
}

impl<'a, C> OpenFile<'a, C> {
    /// # Safety
    ///
    /// - During `'a`, `file` is open, of an entry with `newest`.
    /// - Nobody but this type uses the `private_data` of that entry's files, and for all of them
    ///   with the same `newest`.
    pub(super) unsafe fn from_raw(file: *mut bindings::file, newest: &'a Newest<C>) -> Self {
        const { assert!(align_of::<C>() > HELD, "the mark needs a bit") };
        Self {
            // INVARIANT: What the caller guarantees. The kernel makes a file with null as its
            // `private_data`, and only `content` and `release` change that.
            // SAFETY: An open file is not at null.
            file: unsafe { NonNull::new_unchecked(file) },
            newest,
            _call: PhantomData,
        }
    }

    fn slot(&self) -> &'a AtomicPtr<C> {
        // SAFETY: By the type invariants the file is there during `'a`, and all who use the word
        // get it here.
        unsafe { AtomicPtr::from_ptr((&raw mut (*self.file.as_ptr()).private_data).cast()) }
    }

    /// The content that this open file goes on with: with `anew` the newest, or else the one that
    /// it has begun; if it has none yet, it begins.
    #[inline(always)]
    pub(crate) fn content(&self, anew: bool) -> Content<'a, C> {
        let slot = self.slot();
        let begun = slot.load(Relaxed);
        let goes_on = if anew {
            begun == self.newest.peek()
        } else {
            !begun.is_null() && !is_held(begun)
        };
        let (content, held) = if goes_on && hold(slot, begun) {
            (begun, true)
        } else {
            content_with_lock(slot, self.newest, anew)
        };
        // INVARIANT: The mark or the count is this one's.
        Content {
            slot,
            content,
            held,
        }
    }

    /// Looks at the newest content of the entry, with its lock held.
    pub(crate) fn look<R>(&self, at: impl FnOnce(&C) -> R) -> R {
        at(&self.newest.lock())
    }

    /// The newest content of the entry.
    pub(crate) fn newest(&self) -> Arc<C> {
        self.newest.lock().get()
    }

    /// Makes `content` the newest of the entry.
    pub(crate) fn publish(&self, content: Arc<C>) {
        let before = self.newest.lock().replace(content);
        // It may be the last count; the lock is open again.
        drop(before);
    }

    /// Whether what is written goes to the end (`O_APPEND`).
    pub(crate) fn appends(&self) -> bool {
        // SAFETY: By the type invariant the file is open. `fcntl` may change the flags meanwhile,
        // so they are read once, as C's `file->f_flags` is everywhere.
        let flags = unsafe { ptr::read_volatile(&raw const (*self.file.as_ptr()).f_flags) };
        flags & bindings::O_APPEND != 0
    }

    /// Lets go of what was begun.
    ///
    /// # Safety
    ///
    /// No other call uses the file, and none will but this one again.
    pub(super) unsafe fn release(self) {
        let before = self.slot().swap(ptr::null_mut(), Acquire);
        // SAFETY: It was in the slot, and is there no more. No call is left that could hold it.
        unsafe { discard(before) };
    }
}

/// The same as [`OpenFile::content`], where another call holds what was begun, or a newer content
/// is to be. Gives true with the mark, false with a count.
#[inline(never)]
fn content_with_lock<C>(slot: &AtomicPtr<C>, newest: &Newest<C>, anew: bool) -> (*mut C, bool) {
    let newest = newest.lock();
    let begun = slot.load(Relaxed).map_addr(|address| address & !HELD);
    if anew && begun != newest.as_ptr() || begun.is_null() {
        // INVARIANT: The slot takes over a count, and the mark is the caller's.
        let content = Arc::into_raw(newest.get()).cast_mut();
        let before = slot.swap(content.wrapping_byte_add(HELD), AcqRel);
        drop(newest);
        // Most often there was none: files are read once.
        if !before.is_null() && !is_held(before) {
            // SAFETY: It was in the slot without the mark, and is there no more.
            unsafe { discard(before) };
        }
        return (content, true);
    }
    let held = hold(slot, begun);
    if !held {
        // Another call holds it. As the slot owns a count, and can't change to another content
        // with the lock held, here is one more.
        // SAFETY: It is from `into_raw`; `ManuallyDrop` leaves the slot its count.
        let shared = ManuallyDrop::new(unsafe { Arc::from_raw(begun.cast_const()) });
        let _ = Arc::into_raw(Arc::clone(&shared));
    }
    (begun, held)
}

fn is_held<C>(pointer: *mut C) -> bool {
    pointer.addr() & HELD != 0
}

/// Puts the mark on a pointer without it. False if the slot does not have this pointer.
#[inline(always)]
fn hold<C>(slot: &AtomicPtr<C>, pointer: *mut C) -> bool {
    let held = pointer.wrapping_byte_add(HELD);
    slot.compare_exchange(pointer, held, Acquire, Relaxed)
        .is_ok()
}

/// # Safety
///
/// `pointer` was in a slot without the mark, and is there no longer, or the count that came with it
/// was left to the caller.
#[inline(never)]
unsafe fn discard<C>(pointer: *mut C) {
    if !pointer.is_null() {
        // SAFETY: What is in a slot is null or from `into_raw`, and owns a count.
        drop(unsafe { Arc::from_raw(pointer.cast_const()) });
    }
}

/// A content that a call may use as long as it likes.
///
/// # Invariants
///
/// `content` is from [`Arc::into_raw`]. With `held` this one answers for the mark that was put on
/// it in `slot`; otherwise it owns a count.
pub(crate) struct Content<'a, C> {
    slot: &'a AtomicPtr<C>,
    content: *mut C,
    held: bool,
}

impl<C> Deref for Content<'_, C> {
    type Target = C;

    #[inline(always)]
    fn deref(&self) -> &C {
        // SAFETY: By the type invariant, either this one owns a count, or the slot did when the
        // mark was put on; and then it still does, or the count is this one's.
        unsafe { &*self.content }
    }
}

impl<C> Drop for Content<'_, C> {
    #[inline(always)]
    fn drop(&mut self) {
        let held = self.content.wrapping_byte_add(HELD);
        let is_let_go = |slot: &AtomicPtr<C>| {
            slot.compare_exchange(held, self.content, Release, Relaxed)
                .is_ok()
        };
        if self.held && is_let_go(self.slot) {
            return;
        }
        // SAFETY: By the type invariants of this and of the open file there is a count, and it is
        // this one's.
        unsafe { discard(self.content) };
    }
}
