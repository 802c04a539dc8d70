// SPDX-License-Identifier: GPL-2.0-only

//! Handles of what is in `/proc`: made on creation, removed on drop.

use super::operations::{self, Operations, ProcOps, State};
use core::ffi::CStr;
use core::ptr::{self, NonNull};
use kernel::bindings;
use kernel::ffi::{c_char, c_void};
use kernel::prelude::*;
use kernel::sync::Arc;

/// `struct proc_dir_entry`, which C keeps to itself.
#[repr(C)]
struct ProcDirEntry {
    _opaque: [u8; 0],
}

// `linux/proc_fs.h` is not among the headers of the `bindings` crate. `layout.c` holds these
// declarations against it. The lint looks through the pointers and finds C's empty structs, which
// are there or not as the kernel is configured: so no `expect`.
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

/// One entry in `/proc`, removed on drop.
///
/// # Invariants
///
/// `.0` points to an entry that `proc_mkdir` or `proc_create_data` made and that nobody but this
/// handle removes.
struct Entry(NonNull<ProcDirEntry>);

// SAFETY: `proc_remove` may be called from any task that may sleep, not only from the one that
// made the entry.
unsafe impl Send for Entry {}

// SAFETY: A shared handle only hands out the pointer, as the parent of new entries; procfs
// serialises those with its own lock.
unsafe impl Sync for Entry {}

impl Drop for Entry {
    /// Returns when no call into the entry's operations is under way and none can follow.
    fn drop(&mut self) {
        // SAFETY: By the type invariant the entry is there, and this is its only removal.
        unsafe { proc_remove(self.0.as_ptr()) };
    }
}

/// A directory in `/proc`, mode 0555. Goes when the last handle and the last file in it are gone.
pub(crate) struct Dir(Arc<Entry>);

impl Dir {
    /// Makes `/proc/<name>`.
    ///
    /// # Errors
    ///
    /// `EBUSY` if it can't be made, which in practice is that the name is taken (the kernel then
    /// warns too): procfs does not tell that from being out of memory. It is not `EEXIST`, which
    /// `modprobe` takes for "already loaded", so for success. `ENOMEM` if there is no memory for
    /// the handle.
    pub(crate) fn create(name: &CStr) -> Result<Self> {
        // SAFETY: `name` is a C string, of which procfs keeps a copy; a null parent is `/proc`.
        let dir = unsafe { proc_mkdir(name.as_ptr().cast(), ptr::null_mut()) };
        // INVARIANT: Not null, so `proc_mkdir` just made it.
        let entry = Entry(NonNull::new(dir).ok_or(EBUSY)?);
        Ok(Self(Arc::new(entry, GFP_KERNEL)?))
    }

    /// Makes the file `name` in this directory; `mode` is its permission bits, `content`
    /// what it holds at first, `data` its state.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; also for a name that is taken, see [`Dir::create`].
    pub(crate) fn file<T: Operations>(
        self,
        name: &CStr,
        mode: bindings::umode_t,
        content: Arc<T::Content>,
        data: T,
    ) -> Result<File<T>> {
        let state = State::new(content, data)?;
        // SAFETY:
        // - `name` is a C string, of which procfs keeps a copy.
        // - `self` holds the parent.
        // - The operations are `'static` and take the data for a `T`, which is what it is.
        // - The data stays where it is until `File` frees it, after the entry has been removed.
        let file = unsafe {
            proc_create_data(
                name.as_ptr().cast(),
                mode,
                self.0 .0.as_ptr(),
                operations::table::<T>(),
                ptr::from_ref::<State<T>>(&state).cast_mut().cast(),
            )
        };
        // INVARIANT: Not null, so `proc_create_data` just made it.
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
/// The order of the fields is that of their drop: the entry first, which waits for calls under
/// way; then the state, which those calls use; then the directory, which holds the entry.
pub(crate) struct File<T: Operations> {
    _entry: Entry,
    // Shared with the operations: never borrowed mutably, never moved out of.
    _state: KBox<State<T>>,
    _dir: Dir,
}
