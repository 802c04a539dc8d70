// SPDX-License-Identifier: GPL-2.0-only

//! Console lines from programs that believe they write to a terminal.

use std::iter::Peekable;
use std::str::Chars;

/// Returns a line as a terminal would finally show it: without escape sequences, and without text
/// that was overwritten after a carriage return.
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

/// Skips the rest of an escape sequence. `[...m` ends with a character such as a letter; `]...` and
/// the query `P...` end with a bell or a backslash.
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
