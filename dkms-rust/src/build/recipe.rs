// SPDX-License-Identifier: GPL-2.0-only

//! How trees are made, as a number.

/// Raised by hand when a tree of the same inputs comes out different, or an older one would build
/// modules wrong. While it stays, an upgrade of dkms-rust keeps every tree.
pub const RECIPE: &str = "1";

#[cfg(test)]
mod tests {
    /// Of the code below, as it was when [`super::RECIPE`] was last thought about.
    const DIGEST: &str = "fcff306a337e31de";

    /// All that decides what a tree has in it.
    const CODE: &[(&str, &str)] = &[
        ("needed.rs", include_str!("../source/needed.rs")),
        ("formatters.rs", include_str!("formatters.rs")),
        ("helpers.rs", include_str!("helpers.rs")),
        ("overlay.rs", include_str!("overlay.rs")),
        ("parts.rs", include_str!("parts.rs")),
        ("rebuild.rs", include_str!("rebuild.rs")),
        ("runtime.rs", include_str!("runtime.rs")),
        ("rust_config.rs", include_str!("rust_config.rs")),
        ("rustc_shim.rs", include_str!("rustc_shim.rs")),
        ("thin_core.rs", include_str!("thin_core.rs")),
        ("printk.c", include_str!("../../runtime/printk.c")),
        ("dev_printk.c", include_str!("../../runtime/dev_printk.c")),
        ("seq_printf.c", include_str!("../../runtime/seq_printf.c")),
        ("format.h", include_str!("../../runtime/format.h")),
        ("merge.lds", include_str!("../../runtime/merge.lds")),
    ];

    /// What of a file counts: not its tests, and no comments.
    fn code(text: &str) -> String {
        let shipped = text.split("\n#[cfg(test)]").next().unwrap_or_default();
        let counts = |line: &&str| !line.trim_start().starts_with("//");
        shipped
            .lines()
            .filter(counts)
            .collect::<Vec<_>>()
            .join("\n")
    }

    #[test]
    fn the_number_was_thought_about_since_the_code_changed() {
        let mut hash = blake3::Hasher::new();
        for (name, text) in CODE {
            hash.update(name.as_bytes());
            hash.update(code(text).as_bytes());
        }
        let digest = &hash.finalize().to_hex()[..16];
        assert_eq!(
            digest,
            DIGEST,
            "the code that makes trees changed. If a tree of the same inputs now comes out \
             different, raise RECIPE; then write this digest into DIGEST in {}",
            file!()
        );
    }
}
