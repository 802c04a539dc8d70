// SPDX-License-Identifier: GPL-2.0-only

//! What a file in `/proc` does: the trait on this side, `struct proc_ops` on C's.

use super::reader::Reader;
use core::marker::PhantomData;
use core::mem::offset_of;
use kernel::bindings;
use kernel::ffi::{c_int, c_long, c_uint, c_ulong};
use kernel::prelude::*;

/// A position in a file, in bytes.
pub(crate) type Offset = bindings::loff_t;

/// What a file does. The state is shared by all who have the file open.
#[vtable]
pub(crate) trait Operations: Send + Sync + 'static {
    /// Copies to `reader` what is in the file from byte `offset` on, as much as fits, and returns
    /// the number of bytes copied; 0 is the end of the file. The position advances by it.
    ///
    /// # Errors
    ///
    /// What [`Reader::copy`] returns, or the implementation's own; the position then stays.
    fn read(&self, offset: Offset, reader: &mut Reader<'_>) -> Result<usize>;
}

// The functions of `struct proc_ops`, by the names that `layout.c` gives them.
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

/// `struct proc_ops` of `linux/proc_fs.h`, which is not in the `bindings` crate. `layout.c` holds
/// its layout and types against the header of the kernel that the module is built for.
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

/// The position of a field, counted in words. `layout.c` asserts the same numbers on C's side.
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

/// The C functions of a file with the state `T`.
struct Table<T>(PhantomData<T>);

impl<T: Operations> Table<T> {
    const OPS: ProcOps = ProcOps {
        // procfs derives what it needs to know from the functions that are there.
        flags: 0,
        open: None,
        // Only `read_iter` serves splice, sendfile and io_uring as well.
        read: None,
        read_iter: Some(Self::read_iter),
        write: None,
        // As the kernel's own seq files: any position, but none counted from the end, since the
        // size of a file in `/proc` is 0.
        lseek: Some(bindings::no_seek_end_llseek),
        release: None,
        poll: None,
        ioctl: None,
        #[cfg(CONFIG_COMPAT)]
        compat_ioctl: None,
        mmap: None,
        get_unmapped_area: None,
    };

    /// # Safety
    ///
    /// - `kiocb` is valid, used by nobody else during the call, and of a file whose inode is an
    ///   entry in `/proc` that was made with [`table::<T>`](table) and a `T` as its data.
    /// - `iter` is valid, used by nobody else during the call, and a destination.
    /// - The `T` lives until the call returns.
    unsafe extern "C" fn read_iter(
        kiocb: *mut bindings::kiocb,
        iter: *mut bindings::iov_iter,
    ) -> isize {
        // SAFETY: The caller gives a valid `kiocb`; its file has an inode as long as it is open,
        // and procfs put the entry's data, a `T`, into `i_private` (it is what `pde_data()`
        // reads). The `T` lives through the call and is only ever shared.
        let data = unsafe { &*(*(*(*kiocb).ki_filp).f_inode).i_private.cast::<T>() };
        // SAFETY: The caller gives `kiocb` to this call alone.
        let position = unsafe { &mut (*kiocb).ki_pos };
        // SAFETY: The caller gives a valid destination to this call alone.
        let mut reader = unsafe { Reader::from_raw(iter) };

        match data.read(*position, &mut reader) {
            Ok(copied) => {
                // CAST: At most the length of a slice, so at most `isize::MAX`.
                let copied = copied as isize;
                // OVERFLOW: VFS has seen to it that position + bytes asked for is a position.
                *position = position.saturating_add(copied as Offset);
                copied
            }
            // CAST: An errno, -4095 to -1.
            Err(err) => err.to_errno() as isize,
        }
    }
}

/// What procfs is to call for a file with the state `T`.
pub(super) const fn table<T: Operations>() -> &'static ProcOps {
    &Table::<T>::OPS
}
