// SPDX-License-Identifier: GPL-2.0-only

//! Messages with a checksum, so that a reader can tell whether they are whole.

use anyhow::Context as _;

use crate::check::same;
use crate::drive::LIMIT;

/// Returns the message of this number: the number, the message's length, bytes that follow from the
/// number, and a checksum.
pub fn sealed(number: u64) -> Vec<u8> {
    let length = 24 + (number.wrapping_mul(0x9e37_79b9) % (LIMIT as u64 - 23)) as usize;
    let mut text = number.to_le_bytes().to_vec();
    text.extend((length as u64).to_le_bytes());
    let mut word = number;
    while text.len() < length - 8 {
        word = word.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        text.push((word >> 56) as u8);
    }
    text.extend(sum(&text).to_le_bytes());
    text
}

/// Computes the FNV-1a hash.
fn sum(text: &[u8]) -> u64 {
    text.iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Returns the number of a message. Fails if the message is not whole.
pub fn number_of(text: &[u8]) -> anyhow::Result<u64> {
    let word = |at: usize| {
        let bytes = text.get(at..at + 8).context("it is too short")?;
        anyhow::Ok(u64::from_le_bytes(bytes.try_into()?))
    };
    same("its length", text.len() as u64, word(8)?)?;
    let body = &text[..text.len() - 8];
    same("its sum", sum(body), word(body.len())?)?;
    word(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_message_knows_its_number_and_any_length_occurs() {
        let lengths: Vec<usize> = (0..20_000).map(|number| sealed(number).len()).collect();
        assert!(lengths.iter().all(|length| (24..=LIMIT).contains(length)));
        assert!(lengths.contains(&24) && lengths.contains(&LIMIT));
        assert_eq!(number_of(&sealed(77)).unwrap(), 77);
    }

    #[test]
    fn a_mix_of_two_is_none() {
        for (one, other) in [(1, 2), (5, 4), (1000, 1)] {
            let (one, other) = (sealed(one), sealed(other));
            for cut in [1, 8, 16, 17, 23] {
                assert!(number_of(&[&one[..cut], &other[cut..]].concat()).is_err());
            }
            assert!(number_of(&one[..one.len() - 1]).is_err());
        }
        assert!(number_of(b"").is_err());
    }
}
