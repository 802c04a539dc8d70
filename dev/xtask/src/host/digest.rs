// SPDX-License-Identifier: GPL-2.0-only

//! Names for cache entries, derived from everything that went into them.

use sha2::{Digest, Sha256};

/// Returns a short name for the content of a text or a file.
pub fn of(content: impl AsRef<[u8]>) -> String {
    let sum = Sha256::digest(content);
    sum.iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Returns whether a text looks like a name made by [`of`].
pub fn is(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
