// SPDX-License-Identifier: GPL-2.0-only

//! The building blocks for sharing messages between open files: a reference-counted pointer, an
//! atomic pointer and a lock.
//!
//! [`Newest`](super::newest::Newest) and [`Slot`](super::slot::Slot) use nothing else, so that
//! `dev/model` can run them on the host, with the building blocks of loom or of the standard
//! library. The kernel's are in `open_file.rs`.

/// A pointer that shares a value and counts the references to it.
///
/// # Safety
///
/// - `into_raw` returns a pointer to the value that is aligned and not null, and that owns one
///   reference. As long as there is a reference, the value stays at that address and may be shared
///   between threads.
/// - The last reference is dropped after everything that was done through the other references.
pub(crate) unsafe trait Shared: Clone {
    /// The shared value.
    type Value;

    /// Turns a reference into a pointer that owns it.
    fn into_raw(self) -> *mut Self::Value;

    /// Turns a pointer back into the reference that it owns.
    ///
    /// # Safety
    ///
    /// `value` is from [`Shared::into_raw`], and owns a reference that the caller may take.
    unsafe fn from_raw(value: *mut Self::Value) -> Self;
}

/// An atomic pointer.
///
/// # Safety
///
/// Each operation is atomic and has at least the ordering in its description.
pub(crate) unsafe trait Word<V> {
    /// Makes an atomic pointer.
    fn new(value: *mut V) -> Self;

    /// Loads the pointer. Relaxed.
    fn load(&self) -> *mut V;

    /// Replaces the pointer and returns the previous one. Acquire and release.
    fn swap(&self, new: *mut V) -> *mut V;

    /// Replaces `old` by `new`. Returns the pointer that was there, with its provenance; as an
    /// error if it was not `old`. Acquire on success.
    fn exchange_acquire(&self, old: *mut V, new: *mut V) -> Result<*mut V, *mut V>;

    /// Like [`Word::exchange_acquire`], but release on success, and acquire on failure: then the
    /// caller may free what it held.
    fn exchange_release(&self, old: *mut V, new: *mut V) -> Result<*mut V, *mut V>;
}

/// A lock that is held only for a very short time.
///
/// # Safety
///
/// There is at most one guard at any time. What is done before it is dropped happens before what is
/// done with the next one.
pub(crate) unsafe trait Lock {
    /// Keeps the lock locked until it is dropped.
    type Guard<'a>
    where
        Self: 'a;

    /// Waits for the lock and takes it.
    fn lock(&self) -> Self::Guard<'_>;
}
