// SPDX-License-Identifier: GPL-2.0-only

//! The order of versions: numbers by value, and `~` before the end.

use std::cmp::Ordering;

/// Compares two versions, or kernel releases, as `sort -V` and dpkg do.
pub fn compare(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    while !a.is_empty() || !b.is_empty() {
        let words = take(&mut a, false)
            .iter()
            .map(weight)
            .chain([0])
            .cmp(take(&mut b, false).iter().map(weight).chain([0]));
        let order = words.then_with(|| numbers(take(&mut a, true), take(&mut b, true)));
        if order != Ordering::Equal {
            return order;
        }
    }
    Ordering::Equal
}

/// Cuts the leading digits, or the leading characters that are not digits, off the text.
fn take<'a>(text: &mut &'a [u8], digits: bool) -> &'a [u8] {
    let end = text
        .iter()
        .position(|byte| byte.is_ascii_digit() != digits)
        .unwrap_or(text.len());
    let (part, rest) = text.split_at(end);
    *text = rest;
    part
}

/// Returns the weight of a character. The end of a word weighs 0: it comes after `~` and before
/// everything else. Letters come before other characters.
fn weight(byte: &u8) -> i32 {
    match byte {
        b'~' => -1,
        letter if letter.is_ascii_alphabetic() => i32::from(*letter),
        other => i32::from(*other) + 256,
    }
}

/// Compares numbers of any length by value.
fn numbers(a: &[u8], b: &[u8]) -> Ordering {
    let value = |digits: &[u8]| -> Vec<u8> {
        let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
        digits[zeros..].to_vec()
    };
    let (a, b) = (value(a), value(b));
    a.len().cmp(&b.len()).then_with(|| a.cmp(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_stand_in_the_order_in_which_they_were_made() {
        let order = [
            "6.9.1-amd64",
            "6.12.9-amd64",
            "6.12.107+deb13-amd64",
            "7.3~rc1-amd64",
            "7.3-amd64",
            "7.3.4-1~bpo13+1",
            "7.3.4-1",
            "7.3.10",
        ];
        for (number, a) in order.iter().enumerate() {
            assert_eq!(compare(a, a), Ordering::Equal);
            for b in &order[number + 1..] {
                assert_eq!(compare(a, b), Ordering::Less, "{a} {b}");
                assert_eq!(compare(b, a), Ordering::Greater, "{b} {a}");
            }
        }
    }

    #[test]
    fn leading_zeros_and_long_numbers_count_by_value() {
        assert_eq!(compare("1.007", "1.7"), Ordering::Equal);
        assert_eq!(
            compare("1.99999999999999999999", "1.100000000000000000000"),
            Ordering::Less
        );
    }
}
