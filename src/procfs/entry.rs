// SPDX-License-Identifier: GPL-2.0-only

//! Handles for entries in `/proc`: creating a handle creates the entry, dropping it removes the
//! entry.

use super::operations::{self, Operations, ProcOps, State};
use core::ffi::CStr;
use core::ptr::{self, NonNull};
use kernel::bindings;
use kernel::ffi::{c_char, c_void};
use kernel::prelude::*;
use kernel::sync::Arc;

/// `struct proc_dir_entry`, whose fields are private to procfs.
#[repr(C)]
struct ProcDirEntry {
    _opaque: [u8; 0],
}

// The `bindings` crate does not cover `linux/proc_fs.h`. `layout.c` checks these declarations
// against that header. The lint follows the pointers and finds empty C structs. Whether there are
// any depends on the kernel's configuration, so this is `allow` instead of `expect`.
#[allow(improper_ctypes)]
extern "C" {
    fn proc_mkdir(name: *const c_char, parent: *mut ProcDirEntry) -> *mut ProcDirEntry;
    fn proc_create_data(
        name: *const c_char,
        mode: bindings::umode_t,
        parent: *mut ProcDirEntry,
        ops: *const ProcOps,
        data: *mut c_void,
    ) -> *mut ProcDirEntry;
    fn proc_remove(entry: *mut ProcDirEntry);
}

/// An entry in `/proc`. Dropping it removes the entry.
///
/// # Invariants
///
/// `.0` points to an entry that was created by `proc_mkdir` or `proc_create_data` and that only
/// this handle removes.
struct Entry(NonNull<ProcDirEntry>);

// SAFETY: `proc_remove` may be called from any task that may sleep, not only from the one that
// created the entry.
unsafe impl Send for Entry {}

// SAFETY: Nothing can be done with a shared handle.
unsafe impl Sync for Entry {}

impl Drop for Entry {
    /// Returns when no call into the entry's operations is running and none can start any more. So
    /// the module can be unloaded while a file is open: the table in `docs/architecture.md`, under
    /// "The driver", says which functions of procfs guarantee this.
    fn drop(&mut self) {
        // SAFETY: By the type invariant the entry exists, and nothing else removes it.
        unsafe { proc_remove(self.0.as_ptr()) };
    }
}

/// A directory in `/proc`, mode 0555. Removed when dropped; a [`File`] owns its `Dir`.
pub(crate) struct Dir(Entry);

impl Dir {
    /// Creates `/proc/<name>`.
    ///
    /// # Errors
    ///
    /// `EBUSY` if it can't be created. In practice this means that the name is taken (then the
    /// kernel also warns), but procfs does not distinguish that from a lack of memory. This is not
    /// `EEXIST`, because `modprobe` takes that for "already loaded" and reports success.
    pub(crate) fn create(name: &CStr) -> Result<Self> {
        // SAFETY: `name` is a C string, which procfs copies; a null parent means `/proc`.
        let dir = unsafe { proc_mkdir(name.as_ptr().cast(), ptr::null_mut()) };
        // INVARIANT: Not null, so `proc_mkdir` has just created it.
        Ok(Self(Entry(NonNull::new(dir).ok_or(EBUSY)?)))
    }

    /// Creates the file `name` in this directory. `mode` is its permission bits, `content` its
    /// initial content, `data` its state.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, also if the name is taken; see [`Dir::create`].
    pub(crate) fn file<T: Operations>(
        self,
        name: &CStr,
        mode: bindings::umode_t,
        content: Arc<T::Content>,
        data: T,
    ) -> Result<File<T>> {
        let state = State::new(content, data)?;
        // SAFETY:
        // - `name` is a C string, which procfs copies.
        // - `self` keeps the parent.
        // - The operations are `'static` and expect a `State<T>` as the data, which it is.
        // - The data does not move until `File` frees it, after the entry has been removed.
        let file = unsafe {
            proc_create_data(
                name.as_ptr().cast(),
                mode,
                self.0 .0.as_ptr(),
                operations::table::<T>(),
                ptr::from_ref::<State<T>>(&state).cast_mut().cast(),
            )
        };
        // INVARIANT: Not null, so `proc_create_data` has just created it.
        let entry = Entry(NonNull::new(file).ok_or(ENOMEM)?);
        Ok(File {
            _entry: entry,
            _state: state,
            _dir: self,
        })
    }
}

/// A file in `/proc` with the state `T`.
///
/// The fields are dropped in this order: first the entry, which waits for running calls; then the
/// state, which those calls use; then the directory, which contains the entry.
pub(crate) struct File<T: Operations> {
    _entry: Entry,
    // Shared with the operations, so it is never borrowed mutably and never moved out of.
    _state: KBox<State<T>>,
    _dir: Dir,
}
