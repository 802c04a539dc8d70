// SPDX-License-Identifier: GPL-2.0-only

//! A misc device in `/dev` that is read-only and always returns the same text.
//!
//! `kernel::miscdevice` exists since Linux 6.13 and supports reading since 6.18. This file works
//! from 6.12 on, the kernel of Debian 13. If your module only needs newer kernels, use
//! `kernel::miscdevice` instead, which needs no unsafe code.
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

/// `struct miscdevice`, which some kernels do not have in their `bindings` crate. `misc/layout.c`
/// compares this declaration with the C header.
#[repr(C)]
struct MiscDevice {
    minor: c_int,
    name: *const c_char,
    // A pointer to `struct file_operations`. With its real type, the lint `improper_ctypes` warns
    // about types inside of it.
    fops: *const c_void,
    list: bindings::list_head,
    parent: *mut c_void,
    this_device: *mut c_void,
    groups: *mut c_void,
    nodename: *const c_char,
    mode: bindings::umode_t,
}

/// `MISC_DYNAMIC_MINOR`: the kernel chooses the minor number.
const DYNAMIC_MINOR: c_int = 255;

extern "C" {
    fn misc_register(misc: *mut MiscDevice) -> c_int;
    fn misc_deregister(misc: *mut MiscDevice);
}

/// The data that the kernel and the device's functions use.
#[repr(C)]
struct State {
    // The first field, so that a pointer to it is also a pointer to the whole `State`.
    misc: MiscDevice,
    ops: bindings::file_operations,
    text: &'static [u8],
}

/// A device in `/dev`. Dropping it removes the device.
///
/// # Invariants
///
/// `.0` points to a `State` from `KBox::into_raw` whose `misc` is registered.
pub(crate) struct Device(NonNull<State>);

// SAFETY: `misc_deregister` may be called from any task that may sleep.
unsafe impl Send for Device {}

// SAFETY: A shared reference to a `Device` gives access to nothing.
unsafe impl Sync for Device {}

impl Device {
    /// Creates `/dev/<name>`, which everybody can read. The module can't be unloaded while the
    /// device is open.
    ///
    /// # Errors
    ///
    /// Returns `EEXIST` if the name is taken, `ENOMEM`, or another error from `misc_register`.
    pub(crate) fn register(
        module: &'static ThisModule,
        name: &'static CStr,
        text: &'static [u8],
    ) -> Result<Self> {
        // SAFETY: Zero is a valid value for each field: a null pointer, no function, no flags.
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
        // SAFETY: `state` was just allocated, and nobody else has a pointer to it.
        let result = unsafe {
            (*state).misc.fops = (&raw const (*state).ops).cast();
            misc_register(&raw mut (*state).misc)
        };
        if let Err(error) = to_result(result) {
            // SAFETY: The pointer is from `KBox::into_raw`, and the kernel did not keep it.
            drop(unsafe { KBox::from_raw(state) });
            return Err(error);
        }
        // INVARIANT: The device was just registered. A `KBox` pointer is never null.
        NonNull::new(state).map(Self).ok_or(EINVAL)
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        let state = self.0.as_ptr();
        // SAFETY: By the type invariant, the device is registered. Only this call ends the
        // registration.
        unsafe { misc_deregister(&raw mut (*state).misc) };
        // SAFETY:
        // - The pointer is from `KBox::into_raw`.
        // - No file of the device is open: each open file holds a reference to the module, and the
        //   device is dropped when the module is unloaded.
        drop(unsafe { KBox::from_raw(state) });
    }
}

/// # Safety
///
/// - `file` must be an open file of a device that [`Device::register`] made.
/// - `position` must be valid, and nobody else may use it during the call.
///
/// `buffer` is an address in the process. It does not have to be valid.
unsafe extern "C" fn read(
    file: *mut bindings::file,
    buffer: *mut c_char,
    count: usize,
    position: *mut bindings::loff_t,
) -> isize {
    // SAFETY: `misc_open` has set `private_data` to the device's `struct miscdevice`. This is the
    // first field of a `State`, which lives as long as the device. Its text never changes.
    let text = unsafe { (*(*file).private_data.cast::<State>()).text };
    // SAFETY:
    // - The caller gives this call exclusive access to `position`.
    // - `text` has `text.len()` bytes.
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
