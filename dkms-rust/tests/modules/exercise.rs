// SPDX-License-Identifier: GPL-2.0-only

//! Uses many parts of the `kernel` crate and logs the results, on kernels of every class and in
//! every way of building.
//!
//! The test that loads this module fails if a line differs from what it expects, or if the stack
//! trace does not lead from the formatting code back to here.

use core::fmt;
use kernel::bindings;
use kernel::ffi::c_void;
use kernel::new_mutex;
use kernel::prelude::*;
use kernel::sync::{Arc, Mutex};
use kernel::uaccess::{UserPtr, UserSlice};

module! {
    type: Exercise,
    name: "exercise",
    description: "Uses much of the kernel crate",
    license: "GPL",
}

struct Exercise {
    counter: Arc<Counter>,
}

#[pin_data]
struct Counter {
    #[pin]
    count: Mutex<u64>,
}

/// The function that `UserPtr` has since 6.16. Before that, `UserPtr` is a `usize`.
#[allow(dead_code)]
trait FromPtr {
    fn from_ptr(ptr: *mut c_void) -> Self;
}

impl FromPtr for usize {
    fn from_ptr(ptr: *mut c_void) -> Self {
        ptr as usize
    }
}

impl kernel::Module for Exercise {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let mut squares = KVec::new();
        for number in 1..=100_u64 {
            squares.push(number * number, GFP_KERNEL)?;
        }
        pr_info!("vector {}\n", squares.iter().sum::<u64>());

        let counter = Arc::pin_init(
            pin_init!(Counter {
                count <- new_mutex!(0, "Counter::count"),
            }),
            GFP_KERNEL,
        )?;
        let other = counter.clone();
        *counter.count.lock() += 40;
        *other.count.lock() += 2;
        pr_info!("mutex {}\n", *counter.count.lock());

        pr_info!("format |{:>5}|{:<5}|{:#x}|{:08.3?}|{:?}|\n", 42, "ab", 255, 7, ("a", 'x'));
        pr_info!("wide {} {}\n", i64::MIN, u64::MAX);
        pr_info!("error {:?} {:?}\n", EINVAL, ENOMEM);

        // An address that no process has mapped.
        let nowhere = UserSlice::new(UserPtr::from_ptr(0x1000 as *mut c_void), 8);
        let (mut reader, mut writer) = nowhere.reader_writer();
        let read = reader.read::<u64>().map(|_| ());
        pr_info!("fault {:?} {:?}\n", read, writer.write(&7_u64));

        pr_info!("trace {:?}\n", Trace);
        Ok(Self { counter })
    }
}

impl Drop for Exercise {
    fn drop(&mut self) {
        pr_info!("bye {}\n", *self.counter.count.lock());
    }
}

/// Formatting this prints a stack trace, which shows the code that formats.
struct Trace;

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SAFETY: `dump_stack` may be called from anywhere.
        unsafe { bindings::dump_stack() };
        f.write_str("done")
    }
}
