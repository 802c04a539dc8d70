// SPDX-License-Identifier: GPL-2.0-only

//! Checks that a name is valid for a Debian package, a module and a crate.

use std::str::FromStr;

/// The length of the longest module name that the kernel accepts.
const LONGEST: usize = 55;

/// The names of crates that a module may use, and names that rustc reserves. No module can have
/// them.
const TAKEN: &[&str] = &[
    "alloc",
    "bindings",
    "build_error",
    "compiler_builtins",
    "core",
    "ffi",
    "kernel",
    "macros",
    "pin_init",
    "pin_init_internal",
    "proc_macro",
    "proc_macro2",
    "quote",
    "std",
    "syn",
    "test",
    "uapi",
    "zerocopy",
];

/// The keywords of all editions of Rust.
const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate",
    "do", "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl",
    "in", "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref",
    "return", "self", "static", "struct", "super", "trait", "true", "try", "type", "typeof",
    "union", "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// Source files that every project has. The module's own source file can't have their names.
const FILES: &[&str] = &["misc", "modinfo"];

/// The name of a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(String);

impl FromStr for Name {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = |why: String| Err(format!("{text:?} can't be the name: {why}"));
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if !text.starts_with(|c: char| c.is_ascii_lowercase()) || !text.chars().all(allowed) {
            return refuse(
                "it is also the name of a Debian package and of a Rust crate, so it must begin with \
                 a letter, and contain only lower-case letters, digits and -"
                    .into(),
            );
        }
        if text.len() < 2 || text.len() > LONGEST {
            return refuse(format!(
                "packages have two letters or more, and modules at most {LONGEST}"
            ));
        }
        if text.ends_with('-') || text.contains("--") {
            return refuse("a - must be between two words".into());
        }
        if let Some(short) = text.strip_suffix("-dkms") {
            return refuse(format!(
                "-dkms is added to the name of the package, so use {short:?}"
            ));
        }
        let name = Self(text.to_owned());
        let module = name.module();
        if KEYWORDS.contains(&&*module) {
            return refuse("it is a keyword of the Rust language".into());
        }
        if TAKEN.contains(&&*module) {
            return refuse(format!("modules already use a crate {module}"));
        }
        if FILES.contains(&&*module) {
            return refuse(format!("every project already has a file src/{module}.rs"));
        }
        Ok(name)
    }
}

impl Name {
    /// Returns the name of the source package. dkms uses it, too.
    pub fn package(&self) -> &str {
        &self.0
    }

    /// Returns the name of the module and of its crate.
    pub fn module(&self) -> String {
        self.0.replace('-', "_")
    }

    /// Returns the name of the module's type.
    pub fn type_(&self) -> String {
        let word = |word: &str| {
            let (first, rest) = word.split_at(1);
            first.to_ascii_uppercase() + rest
        };
        let name: String = self.0.split('-').map(word).collect();
        // Without the suffix, it might hide a name from the prelude of the kernel crate.
        format!("{name}Module")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(name: &str) -> String {
        name.parse::<Name>().unwrap_err()
    }

    #[test]
    fn one_name_gives_those_of_package_module_and_type() {
        let name: Name = "my-second-driver".parse().unwrap();
        assert_eq!(name.package(), "my-second-driver");
        assert_eq!(name.module(), "my_second_driver");
        assert_eq!(name.type_(), "MySecondDriverModule");
        assert!("h2".parse::<Name>().is_ok());
    }

    #[test]
    fn what_is_no_name_is_refused_with_the_reason() {
        for name in ["", "Hello", "my_driver", "2x", "-x", "a b", "../x", "größe"] {
            assert!(
                why(name).contains("lower-case letters"),
                "{name}: {}",
                why(name)
            );
        }
        assert!(why("a").contains("two letters"));
        assert!(why(&"a".repeat(56)).contains("at most 55"));
        assert!(why("a--b").contains("between two words"));
        assert!(why("a-").contains("between two words"));
        assert!(why("hello-dkms").contains("use \"hello\""));
        assert!(why("virtual").contains("Rust language"));
        assert!(why("pin-init").contains("crate pin_init"));
        assert!(why("misc").contains("src/misc.rs"));
    }
}
