// SPDX-License-Identifier: GPL-2.0-only

//! The newest content of an entry.

use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ops::Deref;
use core::sync::atomic::AtomicPtr;
use core::sync::atomic::Ordering::{Relaxed, Release};
use kernel::new_spinlock;
use kernel::prelude::*;
use kernel::sync::lock::{spinlock::SpinLockBackend, Guard};
use kernel::sync::{Arc, SpinLock};

/// The newest content of an entry, and the lock to take it with.
///
/// # Invariants
///
/// `content` is from [`Arc::<C>::into_raw`](Arc::into_raw), and owns one count. It changes with
/// `lock` held only.
pub(super) struct Newest<C> {
    content: AtomicPtr<C>,
    // In a box of its own, since what `pin_init!` makes of a structure has panics in it on older
    // kernels.
    lock: Pin<KBox<SpinLock<()>>>,
    _content: PhantomData<Arc<C>>,
}

impl<C> Newest<C> {
    pub(super) fn new(content: Arc<C>) -> Result<Self> {
        let lock = new_spinlock!((), "procfs::Newest::lock");
        Ok(Self {
            lock: KBox::pin_init(lock, GFP_KERNEL)?,
            // INVARIANT: It takes over a count.
            content: AtomicPtr::new(Arc::into_raw(content).cast_mut()),
            _content: PhantomData,
        })
    }

    /// Which one it is at this moment. Good to be compared only: it may go any time.
    #[inline(always)]
    pub(super) fn peek(&self) -> *mut C {
        self.content.load(Relaxed)
    }

    /// Nobody is to wait long for this lock: it is held to copy or exchange pointers.
    pub(super) fn lock(&self) -> Locked<'_, C> {
        Locked {
            _guard: self.lock.lock(),
            newest: self,
        }
    }
}

impl<C> Drop for Newest<C> {
    fn drop(&mut self) {
        // SAFETY: By the type invariant it is from `into_raw`, and nobody uses it any more.
        drop(unsafe { Arc::from_raw(self.peek().cast_const()) });
    }
}

/// The newest content, locked.
pub(super) struct Locked<'a, C> {
    newest: &'a Newest<C>,
    _guard: Guard<'a, (), SpinLockBackend>,
}

impl<C> Deref for Locked<'_, C> {
    type Target = C;

    fn deref(&self) -> &C {
        // SAFETY: By the type invariant there is a count, and as long as the lock is held it stays.
        unsafe { &*self.as_ptr() }
    }
}

impl<C> Locked<'_, C> {
    pub(super) fn as_ptr(&self) -> *mut C {
        self.newest.peek()
    }

    /// A count of it.
    pub(super) fn get(&self) -> Arc<C> {
        // SAFETY: By the type invariant it is from `into_raw`, and as long as the lock is held it
        // stays. `ManuallyDrop` leaves it its count.
        let newest = ManuallyDrop::new(unsafe { Arc::from_raw(self.as_ptr().cast_const()) });
        Arc::clone(&newest)
    }

    /// Makes this the newest, and gives back the one before.
    pub(super) fn replace(&mut self, content: Arc<C>) -> Arc<C> {
        // INVARIANT: It takes over a count.
        let content = Arc::into_raw(content).cast_mut();
        let before = self.newest.content.swap(content, Release);
        // SAFETY: By the type invariant it is from `into_raw`; the count was the entry's.
        unsafe { Arc::from_raw(before.cast_const()) }
    }
}
