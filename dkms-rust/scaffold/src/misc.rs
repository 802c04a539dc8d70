// SPDX-License-Identifier: GPL-2.0-only

//! A misc device in `/dev` that is only read, and always has the same text.
//!
//! The `kernel` crate has misc devices since 6.13, and such that can be read since 6.18. Debian
//! 13's 6.12 has neither, so this file does it, for every kernel from 6.12 on. A module for newer
//! kernels alone uses `kernel::miscdevice` instead, and needs no unsafe code.
//!
//! C header: `include/linux/miscdevice.h`.

#![expect(unsafe_code)]

use core::ffi::CStr;
use core::mem;
use core::ptr;
use core::ptr::NonNull;
use kernel::bindings;
use kernel::error::to_result;
use kernel::ffi::{c_char, c_int, c_void};
use kernel::prelude::*;

/// `struct miscdevice`, which the `bindings` crate does not have on all kernels.
/// `misc/layout.c` compares this declaration with the C header.
#[repr(C)]
struct MiscDevice {
    minor: c_int,
    name: *const c_char,
    // Of a type that says nothing: not all that the true one leads to is meant for C, to the lint.
    fops: *const c_void,
    list: bindings::list_head,
    parent: *mut c_void,
    this_device: *mut c_void,
    groups: *mut c_void,
    nodename: *const c_char,
    mode: bindings::umode_t,
}

/// `MISC_DYNAMIC_MINOR`: the kernel chooses.
const DYNAMIC_MINOR: c_int = 255;

extern "C" {
    fn misc_register(misc: *mut MiscDevice) -> c_int;
    fn misc_deregister(misc: *mut MiscDevice);
}

/// What the kernel and the device's functions work with.
#[repr(C)]
struct State {
    // First, so that a pointer to it is a pointer to the whole.
    misc: MiscDevice,
    ops: bindings::file_operations,
    text: &'static [u8],
}

/// A device in `/dev`, removed on drop.
///
/// # Invariants
///
/// `.0` points to a `State` from `KBox::into_raw` whose `misc` is registered.
pub(crate) struct Device(NonNull<State>);

// SAFETY: `misc_deregister` may be called from any task that may sleep.
unsafe impl Send for Device {}

// SAFETY: A shared `Device` gives access to nothing.
unsafe impl Sync for Device {}

impl Device {
    /// Makes `/dev/<name>`, which everybody may read. While it is open, the module can't be
    /// unloaded.
    ///
    /// # Errors
    ///
    /// `EEXIST` if the name is taken, `ENOMEM`, or what else `misc_register` returns.
    pub(crate) fn register(
        module: &'static ThisModule,
        name: &'static CStr,
        text: &'static [u8],
    ) -> Result<Self> {
        // SAFETY: Zero is a valid value of each field: null, no function, no flags.
        let mut ops: bindings::file_operations = unsafe { mem::zeroed() };
        ops.owner = module.as_ptr();
        ops.read = Some(read);
        let misc = MiscDevice {
            minor: DYNAMIC_MINOR,
            name: name.as_ptr().cast(),
            fops: ptr::null(),
            list: bindings::list_head {
                next: ptr::null_mut(),
                prev: ptr::null_mut(),
            },
            parent: ptr::null_mut(),
            this_device: ptr::null_mut(),
            groups: ptr::null_mut(),
            nodename: ptr::null(),
            mode: 0o444,
        };
        let state = KBox::into_raw(KBox::new(State { misc, ops, text }, GFP_KERNEL)?);
        // SAFETY: The state was made just now, and nobody else knows of it.
        let result = unsafe {
            (*state).misc.fops = (&raw const (*state).ops).cast();
            misc_register(&raw mut (*state).misc)
        };
        if let Err(error) = to_result(result) {
            // SAFETY: The pointer is from `KBox::into_raw`, and the kernel did not take it.
            drop(unsafe { KBox::from_raw(state) });
            return Err(error);
        }
        // INVARIANT: It has just been registered. `KBox` pointers are not null.
        NonNull::new(state).map(Self).ok_or(EINVAL)
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        let state = self.0.as_ptr();
        // SAFETY: By the type invariant it is registered, and this is the only place that ends
        // that.
        unsafe { misc_deregister(&raw mut (*state).misc) };
        // SAFETY:
        // - The pointer is from `KBox::into_raw`.
        // - No file of the device is open: each holds the module, and this is its unloading.
        drop(unsafe { KBox::from_raw(state) });
    }
}

/// # Safety
///
/// - `file` is an open file of a device that [`Device::register`] made.
/// - `position` is valid and used by nobody else during the call.
///
/// `buffer` is an address of the process, and needs to be nothing else.
unsafe extern "C" fn read(
    file: *mut bindings::file,
    buffer: *mut c_char,
    count: usize,
    position: *mut bindings::loff_t,
) -> isize {
    // SAFETY: `misc_open` put the `struct miscdevice` of the device into `private_data`. It is the
    // first field of a `State`, which lives as long as the device; its text never changes.
    let text = unsafe { (*(*file).private_data.cast::<State>()).text };
    // SAFETY:
    // - The caller gives the position to this call alone.
    // - `text` has that many bytes.
    unsafe {
        bindings::simple_read_from_buffer(
            buffer.cast(),
            count,
            position,
            text.as_ptr().cast(),
            text.len(),
        )
    }
}
