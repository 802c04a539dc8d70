// SPDX-License-Identifier: GPL-2.0-only

//! Lines of a console that thinks it talks to a terminal.

use std::iter::Peekable;
use std::str::Chars;

/// A line as a terminal would show it in the end: without escape sequences, and without what a
/// carriage return had written over.
pub fn shown(raw: &str) -> String {
    let mut line = String::new();
    let mut chars = raw.trim_end_matches(['\r', '\n']).chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => skip_sequence(&mut chars),
            '\r' => line.clear(),
            c if c.is_control() && c != '\t' => {}
            c => line.push(c),
        }
    }
    line
}

/// What follows an escape: `[...m` ends with a letter or the like, `]...` with a bell or a
/// backslash, and so does the question `P...`.
fn skip_sequence(chars: &mut Peekable<Chars<'_>>) {
    let is_last: fn(char) -> bool = match chars.next() {
        Some('[') => |c| ('@'..='~').contains(&c),
        Some(']' | 'P') => |c| c == '\u{7}' || c == '\\',
        _ => return,
    };
    for c in chars.by_ref() {
        if is_last(c) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_and_what_was_written_over_are_left_out() {
        let raw = "\u{1b}[!p\u{1b}]104\u{7}\u{1b}[?7hGUEST begin kernel=7\r\n";
        assert_eq!(shown(raw), "GUEST begin kernel=7");
        assert_eq!(shown("\u{1b}P+q6E616D65\u{1b}\\GUEST begin"), "GUEST begin");
        assert_eq!(shown("Reading 5%\rReading 100%\rdone\r\n"), "done");
        assert_eq!(shown("\u{1b}[1;32mok\u{1b}[0m\tx"), "ok\tx");
        assert_eq!(shown("ends in \u{1b}["), "ends in ");
    }
}
