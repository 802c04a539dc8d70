// SPDX-License-Identifier: GPL-2.0-only

//! Makes one mistake when it is loaded; the parameter `mistake` selects it. A debug kernel that
//! does not report it would not report the same mistake in the driver either.

use core::mem;
use kernel::ffi::c_int;
use kernel::prelude::*;
use kernel::sync::{Arc, Mutex};
use kernel::{new_mutex, new_spinlock};

module! {
    type: Faulty,
    name: "faulty",
    description: "Makes a mistake when it is loaded",
    license: "GPL",
    params: {
        mistake: u32 {
            default: 0,
            description: "Which",
        },
    },
}

struct Faulty;

extern "C" {
    /// Shifts by more bits than the type has.
    fn faulty_shift() -> c_int;
    /// Frees a timer that is still set.
    fn faulty_timer() -> c_int;
    /// Changes a variable from two threads without a lock.
    fn faulty_race() -> c_int;
}

/// The mistakes, numbered from 1. The guest's cases (`detectors.rs`) use the same numbers.
const MISTAKES: [fn() -> Result; 7] = [
    sleep_while_atomic,
    || of_c(faulty_shift),
    || of_c(faulty_timer),
    || of_c(faulty_race),
    lose_memory,
    lock_in_both_orders,
    use_after_free,
];

impl kernel::Module for Faulty {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let number = module_parameters::mistake.value() as usize;
        let mistake = MISTAKES.get(number.wrapping_sub(1)).ok_or(EINVAL)?;
        mistake()?;
        Ok(Self)
    }
}

fn of_c(mistake: unsafe extern "C" fn() -> c_int) -> Result {
    // SAFETY: Not safe, on purpose: this is the mistake that the kernel has to report.
    kernel::error::to_result(unsafe { mistake() })
}

fn sleep_while_atomic() -> Result {
    let lock = Arc::pin_init(new_spinlock!(0, "faulty::spinlock"), GFP_KERNEL)?;
    let guard = lock.lock();
    let taken = KBox::new(*guard, GFP_KERNEL);
    drop(guard);
    taken.map(drop).map_err(Into::into)
}

fn lock_in_both_orders() -> Result {
    let one: Arc<Mutex<i32>> = Arc::pin_init(new_mutex!(1, "faulty::one"), GFP_KERNEL)?;
    let two: Arc<Mutex<i32>> = Arc::pin_init(new_mutex!(2, "faulty::two"), GFP_KERNEL)?;
    for (first, second) in [(&one, &two), (&two, &one)] {
        let first = first.lock();
        drop(second.lock());
        drop(first);
    }
    Ok(())
}

fn lose_memory() -> Result {
    // Several times: the last address may remain on the stack, where kmemleak would find it.
    for _ in 0..16 {
        mem::forget(KBox::new([0x5a_u8; 200], GFP_KERNEL)?);
    }
    Ok(())
}

fn use_after_free() -> Result {
    let place = KBox::into_raw(KBox::new(7_u64, GFP_KERNEL)?);
    // SAFETY: The pointer comes from `into_raw` just above.
    drop(unsafe { KBox::from_raw(place) });
    // SAFETY: Not safe, on purpose: this is the mistake that the kernel has to report.
    pr_info!("read {}\n", unsafe { place.read_volatile() });
    Ok(())
}
