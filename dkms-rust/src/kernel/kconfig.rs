// SPDX-License-Identifier: GPL-2.0-only

//! A kernel's configuration, as in `.config`.

use std::collections::HashMap;

/// The options that are set, by their names without `CONFIG_`. The values are unquoted.
#[derive(Debug, Default)]
pub struct Kconfig(HashMap<String, String>);

impl Kconfig {
    /// Parses the text of a `.config`; lines that set nothing are skipped.
    pub fn parse(text: &str) -> Self {
        let set = text.lines().filter_map(|line| {
            let (name, value) = line.strip_prefix("CONFIG_")?.split_once('=')?;
            let bare = value
                .strip_prefix('"')
                .and_then(|value| value.strip_suffix('"'))
                .unwrap_or(value);
            Some((name.to_owned(), bare.to_owned()))
        });
        Self(set.collect())
    }

    /// Returns whether the option is `y` (built in, or simply on).
    pub fn is_on(&self, name: &str) -> bool {
        self.get(name) == Some("y")
    }

    /// Returns the option's value, if it is set and not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_strings_and_comments_are_told_apart() {
        let config = Kconfig::parse(
            "# Automatically generated\nCONFIG_RUST=y\n# CONFIG_MODVERSIONS is not set\n\
             CONFIG_RUSTC_VERSION_TEXT=\"rustc 1.85.1 (abc)\"\nCONFIG_DRM=m\nCONFIG_KEYS=\"\"\n",
        );
        assert!(config.is_on("RUST"));
        assert!(!config.is_on("MODVERSIONS"));
        assert!(!config.is_on("DRM"));
        assert_eq!(config.get("RUSTC_VERSION_TEXT"), Some("rustc 1.85.1 (abc)"));
        assert_eq!(config.get("KEYS"), None);
    }
}
