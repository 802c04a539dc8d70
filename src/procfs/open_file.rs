// SPDX-License-Identifier: GPL-2.0-only

//! One open file, and the kernel's building blocks for its [`Slot`].
//!
//! The slot is the file's `private_data`. It is released when the file is closed or when its entry
//! is removed.

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

/// The same with its lock held.
type Locked<'a, C> = newest::Locked<'a, Arc<C>, AtomicPtr<C>, Spin>;

/// A content that a call may use for any length of time.
pub(crate) type Content<'a, C> = slot::Content<'a, Arc<C>, AtomicPtr<C>>;

// SAFETY:
// - `Arc::into_raw` returns a pointer into an allocation, in which the value stays until the last
//   reference is gone.
// - `refcount_dec_and_test` orders the drop of the last reference after all others.
unsafe impl<C: Send + Sync> Shared for Arc<C> {
    type Value = C;

    #[inline(always)]
    fn into_raw(self) -> *mut C {
        Arc::into_raw(self).cast_mut()
    }

    #[inline(always)]
    unsafe fn from_raw(value: *mut C) -> Self {
        // SAFETY: The caller guarantees that `value` is from `into_raw` and owns a reference.
        unsafe { Arc::from_raw(value.cast_const()) }
    }
}

// `core`'s atomics: no C code uses these words, and older kernels have no others for Rust. The
// newer atomics (`kernel::sync::atomic`) call C functions, while these are single instructions.
// SAFETY: Each operation is atomic and has the ordering in its arguments.
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
        self.compare_exchange(old, new, Release, Acquire)
    }
}

/// The spinlock of an entry.
// It is in a separate box, because on older kernels `pin_init!` for a structure generates code that
// can panic.
pub(super) struct Spin(Pin<KBox<SpinLock<()>>>);

impl Spin {
    fn new() -> Result<Self> {
        let lock = new_spinlock!((), "procfs::Newest::lock");
        Ok(Self(KBox::pin_init(lock, GFP_KERNEL)?))
    }
}

// SAFETY: The kernel's spinlock is such a lock.
unsafe impl Lock for Spin {
    type Guard<'a> = Guard<'a, (), SpinLockBackend>;

    #[inline(always)]
    fn lock(&self) -> Self::Guard<'_> {
        self.0.lock()
    }
}

/// Makes a [`Newest`] that starts with `content`.
pub(super) fn newest<C: Send + Sync>(content: Arc<C>) -> Result<Newest<C>> {
    Ok(Newest::new(content, Spin::new()?))
}

#[inline(never)]
fn replace<C: Send + Sync>(mut newest: Locked<'_, C>, content: Arc<C>) {
    let before = newest.replace(content);
    drop(newest);
    // This may drop the last reference, so it is done after the lock was released.
    drop(before);
}

/// An open file during a call.
///
/// # Invariants
///
/// During `'a`, `file` is open. Its entry has `newest` and contents of the type `C`, and its
/// `private_data` is a [`Slot`] with that `newest`.
pub(crate) struct OpenFile<'a, C: Send + Sync> {
    file: NonNull<bindings::file>,
    newest: &'a Newest<C>,
    _call: PhantomData<&'a bindings::file>,
}

impl<'a, C: Send + Sync> OpenFile<'a, C> {
    /// # Safety
    ///
    /// - During `'a`, `file` is open, and its entry has `newest`.
    /// - Only this type uses the `private_data` of that entry's files, and for all of them with the
    ///   same `newest`.
    pub(super) unsafe fn from_raw(file: *mut bindings::file, newest: &'a Newest<C>) -> Self {
        Self {
            // INVARIANT: The caller guarantees this.
            // SAFETY: A pointer to an open file is not null.
            file: unsafe { NonNull::new_unchecked(file) },
            newest,
            _call: PhantomData,
        }
    }

    #[inline(always)]
    fn slot(&self) -> Slot<'a, Arc<C>, AtomicPtr<C>, Spin> {
        // SAFETY: By the type invariants the file exists during `'a`, and all users of the word get
        // it here.
        let word =
            unsafe { AtomicPtr::from_ptr((&raw mut (*self.file.as_ptr()).private_data).cast()) };
        // SAFETY: The kernel creates a file with null as its `private_data`. By the type invariants
        // it is used only here, and with this `newest`.
        unsafe { Slot::new(word, self.newest) }
    }

    /// Returns the content that this open file continues with: with `anew` the newest, otherwise
    /// the one that it has begun. If it has not begun any, it begins the newest.
    #[inline(always)]
    pub(crate) fn content(&self, anew: bool) -> Content<'a, C> {
        self.slot().content(anew)
    }

    /// Returns the newest content of the entry.
    pub(crate) fn newest(&self) -> Arc<C> {
        self.newest.lock().get()
    }

    /// Makes `content` the newest of the entry.
    pub(crate) fn publish(&self, content: Arc<C>) {
        replace(self.newest.lock(), content);
    }

    /// Makes `content` the newest of the entry if `fits` returns true for the present one, which it
    /// gets with the entry's lock held. Otherwise returns `content`.
    ///
    /// # Errors
    ///
    /// Those of `fits`.
    pub(crate) fn publish_if(
        &self,
        content: Arc<C>,
        fits: impl FnOnce(&C) -> Result<bool>,
    ) -> Result<Option<Arc<C>>> {
        let newest = self.newest.lock();
        if !fits(&newest)? {
            return Ok(Some(content));
        }
        replace(newest, content);
        Ok(None)
    }

    /// Whether writes go to the end of the file (`O_APPEND`).
    pub(crate) fn appends(&self) -> bool {
        // SAFETY: By the type invariant the file is open. `fcntl` may change the flags at the same
        // time, so they are read once, like `file->f_flags` everywhere in C.
        let flags = unsafe { ptr::read_volatile(&raw const (*self.file.as_ptr()).f_flags) };
        flags & bindings::O_APPEND != 0
    }

    /// Releases the content that was begun.
    ///
    /// # Safety
    ///
    /// No other call uses the file, and none will.
    pub(super) unsafe fn release(self) {
        // SAFETY: The caller guarantees that no other call uses the file and its slot, or will.
        unsafe { self.slot().release() };
    }
}
