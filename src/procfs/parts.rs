// SPDX-License-Identifier: GPL-2.0-only

//! What the sharing of messages between open files is built from: a reference-counted pointer, an
//! atomic pointer and a lock.
//!
//! [`Newest`](super::newest::Newest) and [`Slot`](super::slot::Slot) know nothing else, so that
//! `dev/model` can run them on the host, with loom's and with the standard library's parts.
//! `open_file.rs` has those of the kernel.

/// A pointer that shares a value and counts the references to it.
///
/// # Safety
///
/// - `into_raw` returns a pointer to the value that is not null and aligned, and hands over one
///   reference. As long as there is a reference, the value stays at that address and may be shared
///   between threads.
/// - The last reference is dropped after everything that was done through the others.
pub(crate) unsafe trait Shared: Clone {
    /// What is shared.
    type Value;

    /// Turns a reference into a pointer that owns it.
    fn into_raw(self) -> *mut Self::Value;

    /// Takes the reference back.
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
/// Each operation is atomic and has at least the ordering that is given here.
pub(crate) unsafe trait Word<V> {
    /// A new one.
    fn new(value: *mut V) -> Self;

    /// Relaxed.
    fn load(&self) -> *mut V;

    /// Acquire and release. Returns the pointer that was there.
    fn swap(&self, new: *mut V) -> *mut V;

    /// Acquire on success: replaces `old` by `new`. Returns the pointer that was there, also with
    /// its provenance; as an error if it was not `old`.
    fn exchange_acquire(&self, old: *mut V, new: *mut V) -> Result<*mut V, *mut V>;

    /// Release on success; otherwise the same.
    fn exchange_release(&self, old: *mut V, new: *mut V) -> Result<*mut V, *mut V>;
}

/// A lock for very short times.
///
/// # Safety
///
/// There is at most one guard at any time, and what is done before it is dropped happens before
/// what is done with the next one.
pub(crate) unsafe trait Lock {
    /// Keeps it locked until it is dropped.
    type Guard<'a>
    where
        Self: 'a;

    /// Waits for the lock and takes it.
    fn lock(&self) -> Self::Guard<'_>;
}
