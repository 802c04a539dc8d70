// SPDX-License-Identifier: GPL-2.0-only

//! The standard library's building blocks, for Miri. Miri detects each access to freed memory (also
//! through a pointer whose address is in use again), each data race and each leak.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::atomic::AtomicPtr;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
pub use std::thread;

use crate::parts::{Lock, Shared, Word};

pub type Atomic = AtomicPtr<Message>;

/// A message: a number, stored twice.
pub struct Message([u64; 2]);

impl Message {
    pub fn number(&self) -> u64 {
        assert_eq!(self.0[0], self.0[1]);
        self.0[0]
    }
}

pub type Pointer = Arc<Message>;

thread_local! {
    static INTERRUPT: Cell<Option<Box<dyn FnOnce()>>> = const { Cell::new(None) };
}

/// Runs `what` once, just before this thread's next exchange. That is the worst moment for what
/// other threads do.
pub fn before_exchange(what: impl FnOnce() + 'static) {
    INTERRUPT.set(Some(Box::new(what)));
}

/// Makes a message.
pub fn message(number: u64) -> Pointer {
    Arc::new(Message([number; 2]))
}

/// Runs a scenario once, in the order that Miri's seed selects.
pub fn check(scenario: fn()) {
    scenario();
}

/// The same as [`check`].
pub fn check_three(scenario: fn()) {
    scenario();
}

/// Lets other threads run first.
pub fn pause() {
    thread::yield_now();
}

// SAFETY: The trait is modelled on `Arc`.
unsafe impl Shared for Pointer {
    type Value = Message;

    fn into_raw(self) -> *mut Message {
        Arc::into_raw(self).cast_mut()
    }

    unsafe fn from_raw(value: *mut Message) -> Self {
        // SAFETY: The caller guarantees that `value` is from `into_raw` and owns a reference.
        unsafe { Arc::from_raw(value) }
    }
}

// SAFETY: Each operation is atomic and has the ordering in its arguments, as in the driver.
unsafe impl Word<Message> for Atomic {
    fn new(value: *mut Message) -> Self {
        AtomicPtr::new(value)
    }

    fn load(&self) -> *mut Message {
        self.load(Relaxed)
    }

    fn swap(&self, new: *mut Message) -> *mut Message {
        self.swap(new, AcqRel)
    }

    fn exchange_acquire(
        &self,
        old: *mut Message,
        new: *mut Message,
    ) -> Result<*mut Message, *mut Message> {
        if let Some(what) = INTERRUPT.take() {
            what();
        }
        self.compare_exchange(old, new, Acquire, Relaxed)
    }

    fn exchange_release(
        &self,
        old: *mut Message,
        new: *mut Message,
    ) -> Result<*mut Message, *mut Message> {
        self.compare_exchange(old, new, Release, Acquire)
    }
}

/// The entry's lock.
#[derive(Default)]
pub struct Mutual(Mutex<()>);

// SAFETY: A mutex is such a lock.
unsafe impl Lock for Mutual {
    type Guard<'a> = MutexGuard<'a, ()>;

    fn lock(&self) -> MutexGuard<'_, ()> {
        self.0.lock().unwrap()
    }
}
