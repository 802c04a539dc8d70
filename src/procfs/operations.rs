// SPDX-License-Identifier: GPL-2.0-only

//! What a file in `/proc` does: the trait for Rust, and `struct proc_ops` for C.

use super::open_file::{self, Newest, OpenFile};
use super::reader::Reader;
use super::writer::Writer;
#[allow(unused_imports)] // Used if the kernel has no such function.
use crate::compat::FromPtr as _;
use core::marker::PhantomData;
use core::mem::offset_of;
use kernel::bindings;
use kernel::ffi::{c_int, c_long, c_uint, c_ulong};
use kernel::prelude::*;
use kernel::sync::Arc;
use kernel::uaccess::{UserPtr, UserSlice};

/// A position in a file, in bytes.
pub(crate) type Offset = bindings::loff_t;

/// The operations of a file. All who have the file open share its state.
#[vtable]
pub(crate) trait Operations: Send + Sync + 'static {
    /// The content of the entry. An open file continues with the content that it has begun.
    type Content: Send + Sync + 'static;

    /// Copies the content of the file from byte `offset` on to `reader`, as much as fits. The
    /// position advances by what was copied; nothing is the end of the file.
    ///
    /// # Errors
    ///
    /// The errors of [`Reader::copy`], or the implementation's own. Then the position stays.
    fn read(
        &self,
        file: &OpenFile<'_, Self::Content>,
        offset: Offset,
        reader: &mut Reader<'_>,
    ) -> Result;

    /// Takes all bytes from `writer`, or fails and takes none. `offset` is the position. Returns
    /// the new position, just after what was written.
    ///
    /// Each buffer of a `writev` is a separate write.
    ///
    /// # Errors
    ///
    /// The errors of [`Writer::read`], or the implementation's own. Then the position stays.
    fn write(
        &self,
        file: &OpenFile<'_, Self::Content>,
        offset: Offset,
        writer: Writer,
    ) -> Result<Offset>;
}

// The types of the functions in `struct proc_ops`; `layout.c` uses the same names.
type Open = unsafe extern "C" fn(*mut bindings::inode, *mut bindings::file) -> c_int;
type Read = unsafe extern "C" fn(*mut bindings::file, *mut u8, usize, *mut Offset) -> isize;
type ReadIter = unsafe extern "C" fn(*mut bindings::kiocb, *mut bindings::iov_iter) -> isize;
type Write = unsafe extern "C" fn(*mut bindings::file, *const u8, usize, *mut Offset) -> isize;
type Lseek = unsafe extern "C" fn(*mut bindings::file, Offset, c_int) -> Offset;
type Poll = unsafe extern "C" fn(*mut bindings::file, *mut bindings::poll_table_struct) -> c_uint;
type Ioctl = unsafe extern "C" fn(*mut bindings::file, c_uint, c_ulong) -> c_long;
type Mmap = unsafe extern "C" fn(*mut bindings::file, *mut bindings::vm_area_struct) -> c_int;
type Area =
    unsafe extern "C" fn(*mut bindings::file, c_ulong, c_ulong, c_ulong, c_ulong) -> c_ulong;

/// `struct proc_ops` of `linux/proc_fs.h`, which the `bindings` crate does not cover. `layout.c`
/// checks its layout and types against the header of the kernel that the module is built for.
#[repr(C)]
pub(super) struct ProcOps {
    flags: c_uint,
    open: Option<Open>,
    read: Option<Read>,
    read_iter: Option<ReadIter>,
    write: Option<Write>,
    lseek: Option<Lseek>,
    release: Option<Open>,
    poll: Option<Poll>,
    ioctl: Option<Ioctl>,
    #[cfg(CONFIG_COMPAT)]
    compat_ioctl: Option<Ioctl>,
    mmap: Option<Mmap>,
    get_unmapped_area: Option<Area>,
}

/// Asserts the position of a field, counted in words. `layout.c` asserts the same numbers in C.
macro_rules! assert_word {
    ($field:ident, $word:expr) => {
        const _: () = assert!(offset_of!(ProcOps, $field) == $word * size_of::<usize>());
    };
}
assert_word!(flags, 0);
assert_word!(open, 1);
assert_word!(read, 2);
assert_word!(read_iter, 3);
assert_word!(write, 4);
assert_word!(lseek, 5);
assert_word!(release, 6);
assert_word!(poll, 7);
assert_word!(ioctl, 8);
assert_word!(mmap, 9 + cfg!(CONFIG_COMPAT) as usize);
assert_word!(get_unmapped_area, 10 + cfg!(CONFIG_COMPAT) as usize);
const _: () =
    assert!(size_of::<ProcOps>() == (11 + cfg!(CONFIG_COMPAT) as usize) * size_of::<usize>());

/// The data of an entry: the state, and the newest content.
pub(super) struct State<T: Operations> {
    newest: Newest<T::Content>,
    data: T,
}

impl<T: Operations> State<T> {
    pub(super) fn new(content: Arc<T::Content>, data: T) -> Result<KBox<Self>> {
        let newest = open_file::newest(content)?;
        Ok(KBox::new(Self { newest, data }, GFP_KERNEL)?)
    }
}

/// The C functions of a file with the state `T`.
struct Table<T>(PhantomData<T>);

impl<T: Operations> Table<T> {
    const OPS: ProcOps = ProcOps {
        // procfs derives its own flags from the functions that are set.
        flags: 0,
        open: None,
        // Only `read_iter` also supports splice, sendfile and io_uring.
        read: None,
        read_iter: Some(Self::read_iter),
        // There is no `write_iter`, so the kernel refuses to splice or send data to the entry.
        write: Some(Self::write),
        // Like the kernel's own seq files: any position, but not relative to the end, because the
        // size of a file in `/proc` is 0.
        lseek: Some(bindings::no_seek_end_llseek),
        release: Some(Self::release),
        poll: None,
        ioctl: None,
        #[cfg(CONFIG_COMPAT)]
        compat_ioctl: None,
        mmap: None,
        get_unmapped_area: None,
    };

    /// Returns what a call works with: the state, and the open file.
    ///
    /// # Safety
    ///
    /// - During `'a`, `file` is open. Its entry in `/proc` was created with [`table::<T>`](table)
    ///   and a `State<T>` as its data.
    /// - The `State<T>` lives during `'a`.
    unsafe fn lift<'a>(file: *mut bindings::file) -> (&'a T, OpenFile<'a, T::Content>) {
        // SAFETY: The caller passes an open file, which has an inode. procfs stored the entry's
        // data, a `State<T>`, in `i_private` (this is what `pde_data()` reads). The caller
        // guarantees how long it lives, and it is only ever shared.
        let state = unsafe { &*(*(*file).f_inode).i_private.cast::<State<T>>() };
        // SAFETY:
        // - The caller passes an open file, and `newest` belongs to its entry.
        // - The entry's operations are the ones here. They use `private_data` only through
        //   `OpenFile`, which is made only here.
        let file = unsafe { OpenFile::from_raw(file, &state.newest) };
        (&state.data, file)
    }

    /// # Safety
    ///
    /// - `kiocb` is valid, and nobody else uses it during the call. It is for an open file, whose
    ///   entry in `/proc` was created with [`table::<T>`](table) and a `State<T>` as its data.
    /// - `iter` is a valid destination, and nobody else uses it during the call.
    /// - The `State<T>` lives until the call returns.
    unsafe extern "C" fn read_iter(
        kiocb: *mut bindings::kiocb,
        iter: *mut bindings::iov_iter,
    ) -> isize {
        // SAFETY: The caller passes a valid `kiocb`.
        let file = unsafe { (*kiocb).ki_filp };
        // SAFETY: The caller guarantees all of this for the file of `kiocb`.
        let (data, file) = unsafe { Self::lift(file) };
        // SAFETY: The caller guarantees that `kiocb` is valid and used by this call alone.
        let position = unsafe { &mut (*kiocb).ki_pos };
        // SAFETY: The caller passes a valid destination, and only this call uses it.
        let mut reader = unsafe { Reader::from_raw(iter) };

        match data.read(&file, *position, &mut reader) {
            Ok(()) => {
                // CAST: At most as much as was asked for, for which VFS has a limit.
                let copied = reader.copied() as isize;
                // OVERFLOW: VFS has checked that position + requested bytes is a valid position.
                *position = position.wrapping_add(copied as Offset);
                copied
            }
            // CAST: An errno, -4095 to -1.
            Err(err) => err.to_errno() as isize,
        }
    }

    /// # Safety
    ///
    /// - `file` is open. Its entry in `/proc` was created with [`table::<T>`](table) and a
    ///   `State<T>` as its data.
    /// - `position` is valid, and nobody else uses it during the call.
    /// - The `State<T>` lives until the call returns.
    ///
    /// `buffer` is an address in user space, and need not be valid.
    unsafe extern "C" fn write(
        file: *mut bindings::file,
        buffer: *const u8,
        count: usize,
        position: *mut Offset,
    ) -> isize {
        // SAFETY: The caller guarantees all of this.
        let (data, file) = unsafe { Self::lift(file) };
        // SAFETY: The caller guarantees that the position is valid and used by this call alone.
        let position = unsafe { &mut *position };
        let source = UserSlice::new(UserPtr::from_ptr(buffer.cast_mut().cast()), count);

        match data.write(&file, *position, Writer::new(source, count)) {
            Ok(end) => {
                *position = end;
                // CAST: VFS requests at most `MAX_RW_COUNT`, less than 2 GiB.
                count as isize
            }
            // CAST: An errno, -4095 to -1.
            Err(err) => err.to_errno() as isize,
        }
    }

    /// Called once for each opened file: when it is closed, or by `proc_remove` if that comes
    /// earlier.
    ///
    /// # Safety
    ///
    /// - `file` exists. Its entry in `/proc` was created with [`table::<T>`](table) and a
    ///   `State<T>` as its data.
    /// - No other call uses the file, and none will.
    /// - The `State<T>` lives until the call returns.
    unsafe extern "C" fn release(_inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
        // SAFETY: The caller guarantees all of this.
        let (_, file) = unsafe { Self::lift(file) };
        // SAFETY: The caller guarantees that this is the last call.
        unsafe { file.release() };
        0
    }
}

/// Returns the functions that procfs calls for a file with the state `T`.
pub(super) const fn table<T: Operations>() -> &'static ProcOps {
    &Table::<T>::OPS
}
