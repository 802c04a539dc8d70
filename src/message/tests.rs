// SPDX-License-Identifier: GPL-2.0-only

//! Tests single cases first. Then compares random writes and reads with a simple model.

use super::*;

/// Returns what a read sees.
fn seen(message: &[u8], offset: i64) -> &[u8] {
    from_offset(message, offset).unwrap_or(b"")
}

#[test]
fn the_whole_message_is_at_offset_zero() {
    assert_eq!(seen(GREETING, 0), b"Hello\n");
}

#[test]
fn an_offset_inside_gives_the_rest() {
    assert_eq!(seen(GREETING, 4), b"o\n");
    assert_eq!(seen(GREETING, 5), b"\n");
}

#[test]
fn at_and_past_the_end_there_is_nothing() {
    for offset in [6, 7, 4096, i64::MAX] {
        assert_eq!(seen(GREETING, offset), b"");
    }
}

#[test]
fn a_negative_offset_gives_nothing() {
    for offset in [-1, -6, i64::MIN] {
        assert_eq!(seen(GREETING, offset), b"");
    }
}

#[test]
fn short_messages_are_up_to_30_bytes_long() {
    for length in [0, 1, 30] {
        let mut short = Short::new(length).unwrap();
        assert_eq!(short.bytes(), vec![0; length]);
        short.bytes_mut().fill(7);
        assert_eq!(short.bytes(), vec![7; length]);
    }
    for length in [31, 255, 256, 256 + 5, usize::MAX] {
        assert!(Short::new(length).is_none(), "{length}");
    }
    assert_eq!(size_of::<Short>(), 31);
}

#[test]
fn an_empty_message_reads_as_nothing() {
    assert_eq!(seen(b"", 0), b"");
}

#[test]
fn a_write_keeps_what_is_before_it() {
    assert_eq!(kept(GREETING, Place::At(0), 1), Ok(&b""[..]));
    assert_eq!(kept(GREETING, Place::At(4), 1), Ok(&b"Hell"[..]));
    assert_eq!(kept(GREETING, Place::At(6), 1), Ok(GREETING));
    assert_eq!(kept(GREETING, Place::End, 1), Ok(GREETING));
}

#[test]
fn a_write_past_the_end_is_refused_whatever_its_size() {
    for offset in [7, 4096, 4097, i64::MAX, -1, i64::MIN] {
        for count in [0, 1, LIMIT + 1, usize::MAX] {
            let refused = kept(GREETING, Place::At(offset), count);
            assert_eq!(refused, Err(Refusal::PastTheEnd), "{count} at {offset}");
        }
    }
}

#[test]
fn the_limit_is_the_longest_message() {
    for (place, kept_bytes) in [(Place::At(0), 0), (Place::At(5), 5), (Place::End, 6)] {
        let most = LIMIT - kept_bytes;
        assert_eq!(kept(GREETING, place, most).map(<[u8]>::len), Ok(kept_bytes));
        for count in [most + 1, usize::MAX] {
            assert_eq!(kept(GREETING, place, count), Err(Refusal::TooLong));
        }
    }
}

/// The model: the message as numbered places, each with a byte or empty. It shares no code with
/// what it checks, and does not have to be fast.
struct Model([Option<u8>; LIMIT]);

impl Model {
    fn holding(text: &[u8]) -> Self {
        let mut model = Self([None; LIMIT]);
        for (place, byte) in text.iter().enumerate() {
            model.0[place] = Some(*byte);
        }
        model
    }

    fn length(&self) -> i128 {
        self.0.iter().filter(|place| place.is_some()).count() as i128
    }

    /// Writes at this place, and returns the expected answer.
    fn write(&mut self, place: Place, data: &[u8]) -> Result<(), Refusal> {
        let start = match place {
            Place::At(offset) => i128::from(offset),
            Place::End => self.length(),
        };
        if !(0..=self.length()).contains(&start) {
            return Err(Refusal::PastTheEnd);
        }
        if start + data.len() as i128 > LIMIT as i128 {
            return Err(Refusal::TooLong);
        }
        for place in 0..LIMIT {
            let from = place as i128 - start;
            if from >= 0 {
                self.0[place] = data.get(from as usize).copied();
            }
        }
        Ok(())
    }

    fn read(&self, offset: i64) -> Vec<u8> {
        (0..LIMIT)
            .filter(|place| (0..=*place as i128).contains(&i128::from(offset)))
            .filter_map(|place| self.0[place])
            .collect()
    }
}

/// xorshift64*, because it is small and gives the same numbers everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// Returns an offset, mostly near the start, the end of the message or the limit.
    fn offset(&mut self, length: usize) -> i64 {
        let near = [0, length as i64, LIMIT as i64][self.below(3)];
        match self.below(8) {
            0 => self.next() as i64,
            1..=3 => self.below(LIMIT + 2) as i64,
            _ => near + self.below(5) as i64 - 2,
        }
    }

    fn data(&mut self, length: usize) -> Vec<u8> {
        let count = match self.below(8) {
            0 => self.below(2 * LIMIT),
            1 => (LIMIT - length + self.below(3)).saturating_sub(1),
            2 => self.below(LIMIT),
            _ => self.below(64),
        };
        let mut data = vec![0; count];
        data.fill_with(|| self.next() as u8);
        data
    }
}

#[test]
fn writes_and_reads_at_random_are_as_the_model_says() {
    const SEEDS: u64 = 16;
    const STEPS: usize = 200;
    // `MODEL_SEED=<number>` runs other seeds.
    let first = std::env::var("MODEL_SEED").map_or(1, |text| text.parse().expect("a number"));
    let mut answers = [0; 3];
    for seed in first..first + SEEDS {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let mut message = Vec::from(GREETING);
        let mut model = Model::holding(GREETING);
        for step in 0..STEPS {
            let place = match random.below(4) {
                0 => Place::End,
                _ => Place::At(random.offset(message.len())),
            };
            let data = random.data(message.len());
            let what = format!("seed {seed}, step {step}: {} bytes, {place:?}", data.len());
            // Do as the driver does: append the data to the part that is kept.
            let written = kept(&message, place, data.len()).map(|kept| [kept, &data].concat());
            let answer = match written {
                Ok(new) => {
                    message = new;
                    Ok(())
                }
                Err(refusal) => Err(refusal),
            };
            answers[match answer {
                Ok(()) => 0,
                Err(Refusal::PastTheEnd) => 1,
                Err(Refusal::TooLong) => 2,
            }] += 1;
            assert_eq!(answer, model.write(place, &data), "{what}");
            for offset in [0, random.offset(message.len())] {
                let read = seen(&message, offset);
                assert_eq!(read, model.read(offset), "{what}, read at {offset}");
            }
        }
    }
    // If one of the answers did not occur, the run would not have tested it.
    assert!(answers.iter().all(|count| *count > 100), "{answers:?}");
}
