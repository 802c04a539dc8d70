// SPDX-License-Identifier: GPL-2.0-only

//! One open file: what is known of it, and which content it has begun.

use core::marker::PhantomData;
use core::mem::{self, ManuallyDrop};
use core::ptr::{self, NonNull};
use kernel::bindings;
use kernel::ffi::c_void;
use kernel::sync::{Arc, SpinLock};

/// The newest content of an entry. The lock also guards which content each of the entry's open
/// files has begun, and is held only to copy or exchange such pointers: nobody waits long for it.
pub(super) type Newest<C> = SpinLock<Arc<C>>;

/// An open file during a call.
///
/// A content never changes; a newer one takes its place as the entry's, and an open file goes on
/// with the one that it has begun until it begins again. For that it shares the content, and
/// allocates nothing: the pointer is the file's `private_data`. It is let go when the file is
/// closed or its entry removed.
///
/// # Invariants
///
/// - `file` is open during `'a`, of an entry that has `newest` and contents of the type `C`.
/// - Its `private_data` is null or from [`Arc::<C>::into_raw`](Arc::into_raw), and owns one count.
///   Nobody touches it but with `newest` locked, or when no other call can come.
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
        Self {
            // INVARIANT: What the caller guarantees. The kernel makes a file with null as its
            // `private_data`, and only `begin` and `release` change that.
            // SAFETY: An open file is not at null.
            file: unsafe { NonNull::new_unchecked(file) },
            newest,
            _call: PhantomData,
        }
    }

    /// The newest content of the entry.
    pub(crate) fn newest(&self) -> Arc<C> {
        self.newest.lock().clone()
    }

    /// The newest content of the entry, which this open file now goes on with.
    pub(crate) fn begin(&self) -> Arc<C> {
        let newest = self.newest.lock();
        let begun = newest.clone();
        // SAFETY: By the type invariants the file is open and, with `newest` locked, the place is
        // ours.
        let slot = unsafe { &mut (*self.file.as_ptr()).private_data };
        if ptr::eq(slot.cast_const().cast::<C>(), &*begun) {
            return begun;
        }
        // INVARIANT: The file takes over a count.
        let before = mem::replace(slot, Arc::into_raw(begun.clone()).cast_mut().cast());
        drop(newest);
        // SAFETY: It was in the file's place and is there no more.
        unsafe { Self::discard(before) };
        begun
    }

    /// The content that this open file has begun; if it has none yet, it begins.
    pub(crate) fn begun(&self) -> Arc<C> {
        let newest = self.newest.lock();
        // SAFETY: By the type invariant the file is open and, with `newest` locked, the place is
        // ours.
        let slot = unsafe { (*self.file.as_ptr()).private_data };
        if slot.is_null() {
            drop(newest);
            return self.begin();
        }
        // SAFETY: By the type invariant it is from `into_raw`. `ManuallyDrop` leaves the count to
        // the file, which has it for as long as `newest` is locked.
        let begun = ManuallyDrop::new(unsafe { Arc::from_raw(slot.cast_const().cast::<C>()) });
        Arc::clone(&begun)
    }

    /// Makes `content` the newest of the entry.
    pub(crate) fn publish(&self, content: Arc<C>) {
        let before = mem::replace(&mut *self.newest.lock(), content);
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
        // SAFETY: By the type invariant the file is there; the caller has its place alone.
        let slot = unsafe { &mut (*self.file.as_ptr()).private_data };
        let before = mem::replace(slot, ptr::null_mut());
        // SAFETY: It was in the file's place and is there no more.
        unsafe { Self::discard(before) };
    }

    /// # Safety
    ///
    /// `slot` was a file's `private_data` and is it no longer.
    unsafe fn discard(slot: *mut c_void) {
        if !slot.is_null() {
            // SAFETY: By the type invariant it is from `into_raw`, and the count that the file
            // had is the caller's.
            drop(unsafe { Arc::from_raw(slot.cast_const().cast::<C>()) });
        }
    }
}
