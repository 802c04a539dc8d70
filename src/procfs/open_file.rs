// SPDX-License-Identifier: GPL-2.0-only

//! One open file, and what the kernel has for the [`Slot`] that it is.
//!
//! The slot is the file's `private_data`. It is let go when the file is closed or its entry
//! removed.

use super::newest;
use super::parts::{Lock, Shared, Word};
use super::slot::{self, Slot};
use core::marker::PhantomData;
use core::ptr::{self, NonNull};
use core::sync::atomic::AtomicPtr;
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use kernel::bindings;
use kernel::new_spinlock;
use kernel::prelude::*;
use kernel::sync::lock::{spinlock::SpinLockBackend, Guard};
use kernel::sync::{Arc, SpinLock};

/// The newest content of an entry.
pub(super) type Newest<C> = newest::Newest<Arc<C>, AtomicPtr<C>, Spin>;

/// A content that a call may use as long as it likes.
pub(crate) type Content<'a, C> = slot::Content<'a, Arc<C>, AtomicPtr<C>>;

// SAFETY:
// - A pointer from `Arc::into_raw` is one into an allocation, in which the value stays until the
//   last reference is gone.
// - `refcount_dec_and_test` orders the last reference behind all others.
unsafe impl<C: Send + Sync> Shared for Arc<C> {
    type Value = C;

    #[inline(always)]
    fn into_raw(self) -> *mut C {
        Arc::into_raw(self).cast_mut()
    }

    #[inline(always)]
    unsafe fn from_raw(value: *mut C) -> Self {
        // SAFETY: The caller guarantees it.
        unsafe { Arc::from_raw(value.cast_const()) }
    }
}

// `core`'s atomics: no C code uses these words, and the older kernels' Rust has no others. Those
// of the newer (`kernel::sync::atomic`) are calls of functions in C, where these are an instruction.
// SAFETY: Each operation is atomic and ordered as its arguments say.
unsafe impl<C> Word<C> for AtomicPtr<C> {
    fn new(value: *mut C) -> Self {
        AtomicPtr::new(value)
    }

    #[inline(always)]
    fn load(&self) -> *mut C {
        AtomicPtr::load(self, Relaxed)
    }

    #[inline(always)]
    fn swap(&self, new: *mut C) -> *mut C {
        AtomicPtr::swap(self, new, AcqRel)
    }

    #[inline(always)]
    fn exchange_acquire(&self, old: *mut C, new: *mut C) -> Result<*mut C, *mut C> {
        self.compare_exchange(old, new, Acquire, Relaxed)
    }

    #[inline(always)]
    fn exchange_release(&self, old: *mut C, new: *mut C) -> Result<*mut C, *mut C> {
        self.compare_exchange(old, new, Release, Relaxed)
    }
}

/// The spinlock of an entry.
// In a box of its own, since what `pin_init!` makes of a structure has panics in it on older
// kernels.
pub(super) struct Spin(Pin<KBox<SpinLock<()>>>);

impl Spin {
    fn new() -> Result<Self> {
        let lock = new_spinlock!((), "procfs::Newest::lock");
        Ok(Self(KBox::pin_init(lock, GFP_KERNEL)?))
    }
}

// SAFETY: A spinlock of the kernel is one.
unsafe impl Lock for Spin {
    type Guard<'a> = Guard<'a, (), SpinLockBackend>;

    #[inline(always)]
    fn lock(&self) -> Self::Guard<'_> {
        self.0.lock()
    }
}

/// Makes `content` the newest of an entry.
pub(super) fn newest<C: Send + Sync>(content: Arc<C>) -> Result<Newest<C>> {
    Ok(Newest::new(content, Spin::new()?))
}

/// An open file during a call.
///
/// # Invariants
///
/// `file` is open during `'a`, of an entry that has `newest` and contents of the type `C`, and its
/// `private_data` is a [`Slot`] of that.
pub(crate) struct OpenFile<'a, C: Send + Sync> {
    file: NonNull<bindings::file>,
    newest: &'a Newest<C>,
    _call: PhantomData<&'a bindings::file>,
}

impl<'a, C: Send + Sync> OpenFile<'a, C> {
    /// # Safety
    ///
    /// - During `'a`, `file` is open, of an entry with `newest`.
    /// - Nobody but this type uses the `private_data` of that entry's files, and for all of them
    ///   with the same `newest`.
    pub(super) unsafe fn from_raw(file: *mut bindings::file, newest: &'a Newest<C>) -> Self {
        Self {
            // INVARIANT: What the caller guarantees.
            // SAFETY: An open file is not at null.
            file: unsafe { NonNull::new_unchecked(file) },
            newest,
            _call: PhantomData,
        }
    }

    #[inline(always)]
    fn slot(&self) -> Slot<'a, Arc<C>, AtomicPtr<C>, Spin> {
        // SAFETY: By the type invariants the file is there during `'a`, and all who use the word
        // get it here.
        let word =
            unsafe { AtomicPtr::from_ptr((&raw mut (*self.file.as_ptr()).private_data).cast()) };
        // SAFETY: The kernel makes a file with null as its `private_data`; by the type invariants
        // it is used here only, and with this `newest`.
        unsafe { Slot::new(word, self.newest) }
    }

    /// The content that this open file goes on with: with `anew` the newest, or else the one that
    /// it has begun; if it has none yet, it begins.
    #[inline(always)]
    pub(crate) fn content(&self, anew: bool) -> Content<'a, C> {
        self.slot().content(anew)
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
        // It may be the last reference; the lock is open again.
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
        // SAFETY: The caller guarantees it.
        unsafe { self.slot().release() };
    }
}
