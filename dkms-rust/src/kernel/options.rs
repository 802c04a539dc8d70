// SPDX-License-Identifier: GPL-2.0-only

//! Kconfig files: what an option depends on, and whether a configuration satisfies that.

use crate::kernel::kconfig::Kconfig;

/// A boolean option, and its `depends on` and `select` lines.
#[derive(Debug, Default)]
pub struct Entry {
    /// Its name, without `CONFIG_`.
    pub name: String,
    depends: Vec<String>,
    selects: Vec<String>,
    /// The value of its `def_bool` line, if there is one.
    pub default: Option<String>,
    /// Whether a user can set it.
    pub prompt: bool,
}

/// Parses the options of a Kconfig file. Menus and `if` blocks around them are ignored.
pub fn entries(text: &str) -> Vec<Entry> {
    let mut found: Vec<Entry> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("config ") {
            found.push(Entry {
                name: name.trim().to_owned(),
                ..Entry::default()
            });
            inside = true;
        } else if line.starts_with(|c: char| !c.is_whitespace() && c != '#') {
            inside = false;
        } else if let (true, Some(entry)) = (inside, found.last_mut()) {
            let line = line.trim();
            if let Some(condition) = line.strip_prefix("depends on ") {
                entry.depends.push(condition.trim().to_owned());
            } else if let Some(selected) = line.strip_prefix("select ") {
                entry.selects.push(selected.trim().to_owned());
            } else if let Some(value) = line.strip_prefix("def_bool ") {
                entry.default = Some(value.trim().to_owned());
            } else if line.starts_with("bool \"") {
                entry.prompt = true;
            } else if line == "help" {
                inside = false;
            }
        }
    }
    found
}

impl Entry {
    /// Returns whether all dependencies of the option hold, and everything that it selects is built
    /// in, so that setting it changes nothing else.
    pub fn is_possible(&self, config: &Kconfig) -> bool {
        let selected = |line: &String| match line.split_once(" if ") {
            Some((name, condition)) => config.is_on(name.trim()) || !holds(condition, config),
            None => config.is_on(line),
        };
        self.depends.iter().all(|line| holds(line, config)) && self.selects.iter().all(selected)
    }
}

/// The most words that a condition may have; the longest condition in Linux has some thirty.
const LONGEST: usize = 500;

/// Returns whether a condition holds. It may contain names, `=` and `!=`, comparisons of numbers
/// such as `<`, `!`, `&&`, `||` and parentheses. A condition with anything else does not hold.
pub fn holds(condition: &str, config: &Kconfig) -> bool {
    let words = words(condition);
    // Each word may nest one level deeper: the limit bounds the recursion.
    if words.len() > LONGEST {
        return false;
    }
    let mut rest = &words[..];
    let value = any(&mut rest, config);
    value == Some(true) && rest.is_empty()
}

fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let symbol = ["&&", "||", "!=", "<=", ">=", "(", ")", "=", "<", ">", "!"]
            .iter()
            .find(|symbol| rest.starts_with(**symbol));
        let end = match symbol {
            Some(symbol) => symbol.len(),
            None => rest
                .find(|c: char| c.is_whitespace() || "&|!<>=()".contains(c))
                .unwrap_or(rest.len()),
        };
        // A single & or |, which is not an operator.
        let end = end.max(1);
        words.push(rest[..end].to_owned());
        rest = rest[end..].trim_start();
    }
    words
}

fn any(words: &mut &[String], config: &Kconfig) -> Option<bool> {
    let mut value = all(words, config)?;
    while take(words, "||") {
        value |= all(words, config)?;
    }
    Some(value)
}

fn all(words: &mut &[String], config: &Kconfig) -> Option<bool> {
    let mut value = one(words, config)?;
    while take(words, "&&") {
        value &= one(words, config)?;
    }
    Some(value)
}

fn one(words: &mut &[String], config: &Kconfig) -> Option<bool> {
    if take(words, "!") {
        return Some(!one(words, config)?);
    }
    if take(words, "(") {
        let value = any(words, config)?;
        return take(words, ")").then_some(value);
    }
    let left = value(words, config)?;
    let Some(operator) = words.first().filter(|word| is_comparison(word)) else {
        return Some(left == "y" || left == "m");
    };
    *words = &words[1..];
    let right = value(words, config)?;
    let number = |text: &str| text.parse::<u64>().ok();
    let order = match (number(&left), number(&right)) {
        (Some(left), Some(right)) => left.cmp(&right),
        _ => left.cmp(&right),
    };
    Some(match operator.as_str() {
        "=" => order.is_eq(),
        "!=" => order.is_ne(),
        "<" => order.is_lt(),
        "<=" => order.is_le(),
        ">" => order.is_gt(),
        _ => order.is_ge(),
    })
}

fn is_comparison(word: &str) -> bool {
    ["=", "!=", "<", "<=", ">", ">="].contains(&word)
}

/// Returns the value of an option, or `n` if it is not set. Numbers, quoted strings and `y`, `m`,
/// `n` stand for themselves.
fn value(words: &mut &[String], config: &Kconfig) -> Option<String> {
    let (word, rest) = words.split_first()?;
    *words = rest;
    let name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '"' || c == '.';
    if !word.chars().all(name) {
        return None;
    }
    let literal = ["y", "m", "n"].contains(&word.as_str())
        || word.starts_with(|c: char| c.is_ascii_digit() || c == '"');
    Some(if literal {
        word.trim_matches('"').to_owned()
    } else {
        config.get(word).unwrap_or("n").to_owned()
    })
}

fn take(words: &mut &[String], wanted: &str) -> bool {
    match words.split_first() {
        Some((word, rest)) if word == wanted => {
            *words = rest;
            true
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Kconfig {
        Kconfig::parse("CONFIG_RUST=y\nCONFIG_PHYLIB=m\nCONFIG_RUSTC_VERSION=109601\n")
    }

    #[test]
    fn conditions_are_understood_as_kconfig_does() {
        let yes = [
            "RUST",
            "PHYLIB",
            "!NET",
            "PHYLIB=m",
            "RUST && !NET",
            "NET || RUST",
            "!CFI || RUSTC_VERSION >= 109600",
            "RUST && (NET || PHYLIB != n)",
            "RUSTC_VERSION < 109700",
        ];
        let no = [
            "NET",
            "PHYLIB=y",
            "RUST && NET",
            "RUSTC_VERSION >= 109700",
            "$(cc-option,-x)",
            "RUST &&",
            "(RUST",
            "RUST RUST",
            "",
        ];
        for text in yes {
            assert!(holds(text, &config()), "{text}");
        }
        for text in no {
            assert!(!holds(text, &config()), "{text}");
        }
    }

    #[test]
    fn entries_have_what_they_depend_on_and_help_is_passed_over() {
        let text = "config RUST_A\n\tbool \"A\"\n\tdepends on RUST\n\tdepends on PHYLIB=y\n\
                    \thelp\n\t  depends on others.\n\nif NET\nconfig RUST_B\n\tbool \"B\"\n\
                    \tdepends on RUST\n\tselect C if D\n\thelp\n\t  select E\nendif\n\nconfig HAS\n\tdef_bool RUSTC_VERSION >= 1\n\
                    menu \"x\"\n\tdepends on NET\nendmenu\n";
        let entries = entries(text);
        let possible: Vec<_> = entries
            .iter()
            .map(|entry| {
                (
                    entry.name.as_str(),
                    entry.prompt,
                    entry.is_possible(&config()),
                )
            })
            .collect();
        let expected = [
            ("RUST_A", true, false),
            ("RUST_B", true, true),
            ("HAS", false, true),
        ];
        assert_eq!(possible, expected);
        assert_eq!(entries[2].default.as_deref(), Some("RUSTC_VERSION >= 1"));
    }
}
