// SPDX-License-Identifier: GPL-2.0-only

//! Bad input for dkms-rust, and some good input that it must tell apart. Each case runs in a fresh
//! copy of a Debian 13 root, in which the package is installed and its cache is empty.
//!
//! Commands are run by sh, as root, with these variables: `R` is the kernel's release, `C`
//! dkms-rust's cache directory, `W` a filled cache to copy from, `U` the home directory of user
//! 1000.

mod builds;
mod cache;
mod needed;
mod source;
mod users;

/// A case.
pub struct BadInput {
    /// Its name.
    pub name: &'static str,
    /// The commands that make the input bad.
    pub prepare: &'static str,
    /// The command to test.
    pub command: &'static str,
    /// The expected exit status.
    pub exit: i32,
    /// Patterns that its output must match.
    pub says: &'static [&'static str],
    /// Whether it may leave files in the cache, because it mends the damage and continues.
    pub may_make: bool,
}

/// Returns all cases.
pub fn all() -> impl Iterator<Item = &'static BadInput> {
    [
        needed::CASES,
        source::CASES,
        cache::CASES,
        builds::CASES,
        users::CASES,
    ]
    .into_iter()
    .flatten()
}

/// Makes a case that asks for the kernel's build tree, without preparations.
const fn case(name: &'static str) -> BadInput {
    BadInput {
        name,
        prepare: "",
        command: "dkms-rust kdir -k $R",
        exit: 0,
        says: &[],
        may_make: false,
    }
}

impl BadInput {
    const fn prepare(self, prepare: &'static str) -> Self {
        Self { prepare, ..self }
    }

    const fn command(self, command: &'static str) -> Self {
        Self { command, ..self }
    }

    const fn exits(self, exit: i32) -> Self {
        Self { exit, ..self }
    }

    const fn says(self, says: &'static [&'static str]) -> Self {
        Self { says, ..self }
    }

    const fn may_make(self) -> Self {
        Self {
            may_make: true,
            ..self
        }
    }
}

/// Fills the cache, and makes a module in C.
const C_MODULE: &str = r#"
cp -a $W $C
mkdir /tmp/m && cd /tmp/m && echo 'obj-m := m.o' > Kbuild
printf '#include <linux/module.h>\nMODULE_LICENSE("GPL");\nMODULE_DESCRIPTION("m");\n' > m.c
"#;
