// SPDX-License-Identifier: GPL-2.0-only

//! The newest content of an entry.

use super::parts::{Lock, Shared, Word};
use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ops::Deref;

/// The newest content of an entry, and the lock that protects it.
///
/// # Invariants
///
/// `content` is from [`Shared::into_raw`] and owns one reference. It only changes while `lock` is
/// held.
pub(super) struct Newest<P: Shared, W: Word<P::Value>, L: Lock> {
    content: W,
    lock: L,
    _content: PhantomData<P>,
}

impl<P: Shared, W: Word<P::Value>, L: Lock> Newest<P, W, L> {
    pub(super) fn new(content: P, lock: L) -> Self {
        Self {
            // INVARIANT: This takes over the reference.
            content: W::new(content.into_raw()),
            lock,
            _content: PhantomData,
        }
    }

    /// Returns the newest content at this moment. Only use it for comparisons, because the content
    /// may be freed at any time.
    #[inline(always)]
    pub(super) fn peek(&self) -> *mut P::Value {
        self.content.load()
    }

    /// Locks the newest content. The lock is only held to copy or exchange pointers, so nobody
    /// waits for it for long.
    pub(super) fn lock(&self) -> Locked<'_, P, W, L> {
        Locked {
            _guard: self.lock.lock(),
            newest: self,
        }
    }
}

impl<P: Shared, W: Word<P::Value>, L: Lock> Drop for Newest<P, W, L> {
    fn drop(&mut self) {
        // SAFETY: By the type invariant the pointer is from `into_raw` and owns a reference, and
        // nobody uses it any more.
        drop(unsafe { P::from_raw(self.peek()) });
    }
}

/// The newest content, locked.
pub(super) struct Locked<'a, P: Shared, W: Word<P::Value>, L: Lock> {
    newest: &'a Newest<P, W, L>,
    _guard: L::Guard<'a>,
}

impl<P: Shared, W: Word<P::Value>, L: Lock> Deref for Locked<'_, P, W, L> {
    type Target = P::Value;

    fn deref(&self) -> &P::Value {
        // SAFETY: By the type invariant there is a reference, and it stays as long as the lock is
        // held.
        unsafe { &*self.as_ptr() }
    }
}

impl<P: Shared, W: Word<P::Value>, L: Lock> Locked<'_, P, W, L> {
    pub(super) fn as_ptr(&self) -> *mut P::Value {
        self.newest.peek()
    }

    /// Returns a reference to the newest content.
    pub(super) fn get(&self) -> P {
        // SAFETY: By the type invariant the pointer is from `into_raw`, and its reference stays as
        // long as the lock is held. `ManuallyDrop` leaves this reference in place.
        let newest = ManuallyDrop::new(unsafe { P::from_raw(self.as_ptr()) });
        P::clone(&newest)
    }

    /// Makes `content` the newest, and returns the previous one.
    pub(super) fn replace(&mut self, content: P) -> P {
        // INVARIANT: This takes over the reference.
        let before = self.newest.content.swap(content.into_raw());
        // SAFETY: By the type invariant `before` is from `into_raw`, and its reference was the
        // entry's.
        unsafe { P::from_raw(before) }
    }
}
