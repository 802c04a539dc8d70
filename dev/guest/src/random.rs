// SPDX-License-Identifier: GPL-2.0-only

//! Pseudo-random numbers: the same seed gives the same numbers.

use std::hash::BuildHasher as _;
use std::hash::RandomState;

/// An xorshift64* generator.
pub struct Random(u64);

impl Random {
    /// Creates a generator with this seed.
    pub fn of(seed: u64) -> Self {
        // Similar seeds must give different numbers, and a state of 0 would stay 0.
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// Returns a seed that nobody can predict.
    pub fn seed() -> u64 {
        // 32 bits are short enough to type.
        RandomState::new().hash_one(()) >> 32
    }

    /// Returns any number.
    pub fn any(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Returns a number below `end`, which must not be 0.
    pub fn below(&mut self, end: usize) -> usize {
        (self.any() >> 32) as usize % end
    }

    /// Returns true in one of `times` calls, on average.
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
