// SPDX-License-Identifier: GPL-2.0-only

//! The building blocks for loom. The reference-counted messages are in a pool, so that an address
//! is reused as soon as it is free, in the same way in every run. The pool also makes it possible
//! to look at a message that is gone, and to tell it from a live one.

use std::mem::ManuallyDrop;

use loom::cell::UnsafeCell;
use loom::model::Builder;
use loom::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use loom::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, fence};
use loom::sync::{Mutex, MutexGuard};
pub use loom::thread;

use crate::parts::{Lock, Shared, Word};

pub type Atomic = AtomicPtr<Message>;

/// The maximum number of messages at the same time. No scenario needs more.
const PLACES: usize = 4;

/// A place for a message. loom fails the test if another thread writes the number and nothing
/// orders that before or after a read.
pub struct Message {
    used: AtomicBool,
    references: AtomicUsize,
    number: UnsafeCell<Option<u64>>,
}

impl Message {
    pub fn number(&self) -> u64 {
        // SAFETY: loom fails the test if another thread writes it at the same time.
        let number = self.number.with(|number| unsafe { *number });
        number.expect("a message is read that is gone")
    }

    fn replace(&self, number: Option<u64>) -> Option<u64> {
        // SAFETY: loom fails the test if another thread uses it at the same time.
        self.number.with_mut(|at| unsafe { at.replace(number) })
    }
}

loom::lazy_static! {
    static ref POOL: Vec<Message> = (0..PLACES)
        .map(|_| Message {
            used: AtomicBool::new(false),
            references: AtomicUsize::new(0),
            number: UnsafeCell::new(None),
        })
        .collect();
}

/// One reference to a message.
pub struct Pointer(*const Message);

// SAFETY: Threads may share a message: it consists of atomics and of a cell that loom checks.
unsafe impl Send for Pointer {}
// SAFETY: As for `Send`.
unsafe impl Sync for Pointer {}

/// Makes a message in the first free place.
pub fn message(number: u64) -> Pointer {
    let take = |place: &&Message| {
        let used = &place.used;
        used.compare_exchange(false, true, Acquire, Relaxed).is_ok()
    };
    let place = POOL.iter().find(take).expect("too few places");
    place.references.store(1, Relaxed);
    assert_eq!(place.replace(Some(number)), None, "a place is not empty");
    Pointer(place)
}

/// Runs a scenario in every order, and checks after each run that no message is left.
pub fn check(scenario: fn()) {
    run(Builder::new(), scenario);
}

/// Like [`check`], for three threads that do much. Runs only the orders with at most three
/// preemptions, because all orders would take hours.
pub fn check_three(scenario: fn()) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(3);
    run(builder, scenario);
}

fn run(builder: Builder, scenario: fn()) {
    builder.check(move || {
        scenario();
        for place in POOL.iter() {
            assert!(!place.used.load(Relaxed), "a reference is left");
        }
    });
}

/// Does nothing, because loom lets other threads run first anyway.
pub fn pause() {}

impl Pointer {
    fn place(&self) -> &Message {
        // SAFETY: Places exist until the end of the run.
        unsafe { &*self.0 }
    }
}

impl Clone for Pointer {
    fn clone(&self) -> Self {
        let before = self.place().references.fetch_add(1, Relaxed);
        assert_ne!(before, 0, "a reference is made to a message that is gone");
        Self(self.0)
    }
}

// Uses the same orderings as the kernel's `refcount_t`.
impl Drop for Pointer {
    fn drop(&mut self) {
        let place = self.place();
        let before = place.references.fetch_sub(1, Release);
        assert_ne!(before, 0, "a reference is dropped that there is not");
        if before == 1 {
            fence(Acquire);
            assert_ne!(place.replace(None), None, "a message goes twice");
            place.used.store(false, Release);
        }
    }
}

// SAFETY: `Pointer` counts references, and a message does not move.
unsafe impl Shared for Pointer {
    type Value = Message;

    fn into_raw(self) -> *mut Message {
        ManuallyDrop::new(self).0.cast_mut()
    }

    unsafe fn from_raw(value: *mut Message) -> Self {
        Self(value)
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
pub struct Mutual(Mutex<()>);

impl Default for Mutual {
    fn default() -> Self {
        Self(Mutex::new(()))
    }
}

// SAFETY: A mutex is such a lock.
unsafe impl Lock for Mutual {
    type Guard<'a> = MutexGuard<'a, ()>;

    fn lock(&self) -> MutexGuard<'_, ()> {
        self.0.lock().unwrap()
    }
}
