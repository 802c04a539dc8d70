// SPDX-License-Identifier: GPL-2.0-only

//! The newest content of an entry.

use super::parts::{Lock, Shared, Word};
use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ops::Deref;

/// The newest content of an entry, and the lock to take it with.
///
/// # Invariants
///
/// `content` is from [`Shared::into_raw`], and owns one reference. It changes with `lock` held
/// only.
pub(super) struct Newest<P: Shared, W: Word<P::Value>, L: Lock> {
    content: W,
    lock: L,
    _content: PhantomData<P>,
}

impl<P: Shared, W: Word<P::Value>, L: Lock> Newest<P, W, L> {
    pub(super) fn new(content: P, lock: L) -> Self {
        Self {
            // INVARIANT: It takes over a reference.
            content: W::new(content.into_raw()),
            lock,
            _content: PhantomData,
        }
    }

    /// Which one it is at this moment. Only good to be compared: it may go at any time.
    #[inline(always)]
    pub(super) fn peek(&self) -> *mut P::Value {
        self.content.load()
    }

    /// Nobody is to wait long for this lock: it is held to copy or exchange pointers.
    pub(super) fn lock(&self) -> Locked<'_, P, W, L> {
        Locked {
            _guard: self.lock.lock(),
            newest: self,
        }
    }
}

impl<P: Shared, W: Word<P::Value>, L: Lock> Drop for Newest<P, W, L> {
    fn drop(&mut self) {
        // SAFETY: By the type invariant it is from `into_raw`, and nobody uses it any more.
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
        // SAFETY: By the type invariant there is a reference, and as long as the lock is held it
        // stays.
        unsafe { &*self.as_ptr() }
    }
}

impl<P: Shared, W: Word<P::Value>, L: Lock> Locked<'_, P, W, L> {
    pub(super) fn as_ptr(&self) -> *mut P::Value {
        self.newest.peek()
    }

    /// A reference to it.
    pub(super) fn get(&self) -> P {
        // SAFETY: By the type invariant it is from `into_raw`, and as long as the lock is held its
        // reference stays. `ManuallyDrop` leaves it that reference.
        let newest = ManuallyDrop::new(unsafe { P::from_raw(self.as_ptr()) });
        P::clone(&newest)
    }

    /// Makes this the newest, and gives back the one before.
    pub(super) fn replace(&mut self, content: P) -> P {
        // INVARIANT: It takes over a reference.
        let before = self.newest.content.swap(content.into_raw());
        // SAFETY: By the type invariant it is from `into_raw`; the reference was the entry's.
        unsafe { P::from_raw(before) }
    }
}
