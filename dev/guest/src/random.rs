// SPDX-License-Identifier: GPL-2.0-only

//! Numbers that look random and are the same for the same seed.

use std::hash::BuildHasher as _;
use std::hash::RandomState;

/// xorshift64*.
pub struct Random(u64);

impl Random {
    /// The numbers of this seed.
    pub fn of(seed: u64) -> Self {
        // Neighbours must not look alike, and 0 would stay 0.
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A seed that nobody knows before.
    pub fn seed() -> u64 {
        // Short enough to be typed.
        RandomState::new().hash_one(()) >> 32
    }

    /// Any number.
    pub fn any(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// One below `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        (self.any() >> 32) as usize % end
    }

    /// True once in so many times.
    pub fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_again_and_another_something_else() {
        let some = |seed| {
            let mut random = Random::of(seed);
            std::array::from_fn::<_, 8, _>(|_| random.below(1000))
        };
        assert_eq!(some(1), some(1));
        assert_ne!(some(1), some(2));
        assert!(some(0).iter().any(|number| *number != 0));
    }
}
