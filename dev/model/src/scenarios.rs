// SPDX-License-Identifier: GPL-2.0-only

//! What readers, writers and `release` may do at the same time. Messages are increasing numbers.
//! The entry starts with 0.

use std::ptr;
use std::sync::Arc;

use crate::kit::{Atomic, Mutual, Pointer, check, check_three, message, pause, thread};
use crate::newest::Newest;
use crate::slot::Slot;

/// An entry, and the slots of its open files.
struct Entry<const FILES: usize> {
    files: [Atomic; FILES],
    newest: Newest<Pointer, Atomic, Mutual>,
}

impl<const FILES: usize> Entry<FILES> {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            files: std::array::from_fn(|_| Atomic::new(ptr::null_mut())),
            newest: Newest::new(message(0), Mutual::default()),
        })
    }

    fn slot(&self, file: usize) -> Slot<'_, Pointer, Atomic, Mutual> {
        // SAFETY: The word was created as null, and is used only here.
        unsafe { Slot::new(&self.files[file], &self.newest) }
    }

    /// Reads, with `anew` at offset 0, otherwise at a later offset. Looks at the message twice,
    /// like a copy that takes long.
    fn read(&self, file: usize, anew: bool) -> u64 {
        let content = self.slot(file).content(anew);
        let number = content.number();
        pause();
        assert_eq!(content.number(), number, "a message changed");
        number
    }

    fn write(&self, number: u64) {
        let before = self.newest.lock().replace(message(number));
        drop(before);
    }

    /// Closes all files. This is the last call of each file.
    fn close(&self) {
        for file in 0..FILES {
            // SAFETY: The scenarios call this after all threads have ended.
            unsafe { self.slot(file).release() };
        }
    }
}

/// Runs each of the `calls` in its own thread, and `here` in this one. Then closes the files.
fn at_once<const FILES: usize>(
    entry: Arc<Entry<FILES>>,
    calls: impl IntoIterator<Item = fn(&Entry<FILES>)>,
    here: fn(&Entry<FILES>),
) {
    let threads: Vec<_> = calls
        .into_iter()
        .map(|call| {
            let entry = entry.clone();
            thread::spawn(move || call(&entry))
        })
        .collect();
    here(&entry);
    for thread in threads {
        thread.join().unwrap();
    }
    entry.close();
}

#[test]
fn two_threads_read_one_file_from_the_start_while_another_message_is_written() {
    check(|| {
        let read: fn(&Entry<1>) = |entry| assert!(entry.read(0, true) <= 1);
        at_once(Entry::new(), [read, read], |entry| entry.write(1));
    });
}

#[test]
fn a_read_from_the_start_sees_what_its_thread_wrote_or_newer() {
    check(|| {
        let write_and_read: fn(&Entry<1>) = |entry| {
            entry.read(0, true);
            entry.write(1);
            assert!(entry.read(0, true) >= 1);
        };
        at_once(Entry::new(), [write_and_read], |entry| {
            entry.write(2);
            assert!(entry.read(0, true) >= 1);
        });
    });
}

#[test]
fn a_read_further_on_stays_with_the_message_that_was_begun() {
    check(|| {
        let entry = Entry::<1>::new();
        entry.read(0, true);
        let further: fn(&Entry<1>) = |entry| assert_eq!(entry.read(0, false), 0);
        at_once(entry, [further, further], |entry| entry.write(1));
    });
}

#[test]
fn one_thread_begins_anew_while_another_holds_the_message() {
    check(|| {
        let entry = Entry::<1>::new();
        entry.read(0, true);
        entry.write(1);
        let anew: fn(&Entry<1>) = |entry| assert_eq!(entry.read(0, true), 1);
        at_once(entry, [anew], |entry| {
            entry.read(0, false);
            entry.read(0, false);
        });
    });
}

/// Between any two steps of a read, the first message is freed and a newer one gets its address.
#[test]
fn an_address_is_used_again_in_the_middle_of_a_read() {
    check(|| {
        let entry = Entry::<1>::new();
        entry.read(0, true);
        let replace: fn(&Entry<1>) = |entry| {
            entry.write(1);
            entry.read(0, true);
            entry.write(2);
            entry.read(0, true);
        };
        at_once(entry, [replace], |entry| {
            entry.read(0, false);
        });
    });
}

/// The same with a third thread, which encounters the mark of the second.
#[test]
fn an_address_is_used_again_while_two_threads_read() {
    check_three(|| {
        let entry = Entry::<1>::new();
        entry.read(0, true);
        let further: fn(&Entry<1>) = |entry| {
            entry.read(0, false);
        };
        at_once(entry, [further, further], |entry| {
            entry.write(1);
            entry.read(0, true);
            entry.write(2);
            entry.read(0, true);
        });
    });
}

/// The same at the worst moment, in each run: the exchange sets the mark with a pointer that was
/// the first message's, and a second call finds this pointer.
#[cfg(miri)]
#[test]
fn an_address_is_used_again_between_the_load_and_the_exchange() {
    let entry = Entry::<1>::new();
    entry.read(0, true);
    let others = entry.clone();
    let first = others.newest.peek().addr();
    crate::kit::before_exchange(move || {
        let mut number = 0;
        while number < 2 || others.newest.peek().addr() != first {
            number += 1;
            assert!(number < 1000, "the address is not used again");
            others.write(number);
            others.read(0, true);
        }
    });
    let held = entry.slot(0).content(false);
    assert_ne!(held.number(), 0);
    assert_eq!(entry.read(0, false), held.number());
    drop(held);
    entry.close();
}

#[test]
fn two_files_have_messages_of_their_own() {
    check(|| {
        let second: fn(&Entry<2>) = |entry| {
            assert!(entry.read(1, true) <= 1);
            entry.read(1, false);
        };
        at_once(Entry::new(), [second], |entry| {
            entry.write(1);
            assert_eq!(entry.read(0, true), 1);
        });
    });
}

#[test]
fn files_that_read_nothing_and_an_entry_that_nobody_read_leave_nothing() {
    check(|| at_once(Entry::<2>::new(), [], |entry| entry.write(1)));
}
