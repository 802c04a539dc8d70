// SPDX-License-Identifier: GPL-2.0-only

//! The standard library's parts, for Miri: it sees each access to memory that was freed, also by a
//! pointer whose address has been used again, each data race, and each leak.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::atomic::AtomicPtr;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
pub use std::thread;

use crate::parts::{Lock, Shared, Word};

pub type Atomic = AtomicPtr<Message>;

/// A message: a number, twice.
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

/// Does this once, just before the thread's next exchange: the worst moment for what others do.
pub fn before_exchange(what: impl FnOnce() + 'static) {
    INTERRUPT.set(Some(Box::new(what)));
}

/// Makes a message.
pub fn message(number: u64) -> Pointer {
    Arc::new(Message([number; 2]))
}

/// Runs it once: the order is Miri's seed's.
pub fn check(scenario: fn()) {
    scenario();
}

/// The same.
pub fn check_three(scenario: fn()) {
    scenario();
}

/// Lets others go first.
pub fn pause() {
    thread::yield_now();
}

// SAFETY: `Arc` is what the trait is modelled on.
unsafe impl Shared for Pointer {
    type Value = Message;

    fn into_raw(self) -> *mut Message {
        Arc::into_raw(self).cast_mut()
    }

    unsafe fn from_raw(value: *mut Message) -> Self {
        // SAFETY: The caller guarantees it.
        unsafe { Arc::from_raw(value) }
    }
}

// SAFETY: Each operation is atomic and ordered as its arguments say, which are the driver's.
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
        self.compare_exchange(old, new, Release, Relaxed)
    }
}

/// The entry's lock.
#[derive(Default)]
pub struct Mutual(Mutex<()>);

// SAFETY: A mutex is one.
unsafe impl Lock for Mutual {
    type Guard<'a> = MutexGuard<'a, ()>;

    fn lock(&self) -> MutexGuard<'_, ()> {
        self.0.lock().unwrap()
    }
}
