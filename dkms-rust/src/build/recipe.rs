// SPDX-License-Identifier: GPL-2.0-only

//! The version of the recipe by which trees are made.

/// Raise this by hand if the same inputs give a different tree, or if modules built with an older
/// tree would be wrong. As long as it stays the same, all trees survive an upgrade of dkms-rust.
pub const RECIPE: &str = "1";

#[cfg(test)]
mod tests {
    /// The digest of the code below when [`super::RECIPE`] was last reviewed.
    const DIGEST: &str = "82b827e664ddb658";

    /// All code that determines the content of a tree.
    const CODE: &[(&str, &str)] = &[
        ("needed.rs", include_str!("../source/needed.rs")),
        ("depinfo.rs", include_str!("depinfo.rs")),
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

    /// Returns the part of a file that counts: without its tests and comments.
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
