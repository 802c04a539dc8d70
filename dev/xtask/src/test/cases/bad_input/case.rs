// SPDX-License-Identifier: GPL-2.0-only

//! The definition of a case.

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

/// Makes a case that asks for the kernel's build tree, without preparations.
pub const fn case(name: &'static str) -> BadInput {
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
    /// Makes the input bad by these commands.
    pub const fn prepare(self, prepare: &'static str) -> Self {
        Self { prepare, ..self }
    }

    /// Tests another command.
    pub const fn command(self, command: &'static str) -> Self {
        Self { command, ..self }
    }

    /// Expects another exit status than 0.
    pub const fn exits(self, exit: i32) -> Self {
        Self { exit, ..self }
    }

    /// Expects output that matches these patterns.
    pub const fn says(self, says: &'static [&'static str]) -> Self {
        Self { says, ..self }
    }

    /// Lets it leave files in the cache.
    pub const fn may_make(self) -> Self {
        Self {
            may_make: true,
            ..self
        }
    }
}

/// Fills the cache, and makes a module in C.
pub const C_MODULE: &str = r#"
cp -a $W $C
mkdir /tmp/m && cd /tmp/m && echo 'obj-m := m.o' > Kbuild
printf '#include <linux/module.h>\nMODULE_LICENSE("GPL");\nMODULE_DESCRIPTION("m");\n' > m.c
"#;
