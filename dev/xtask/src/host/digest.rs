// SPDX-License-Identifier: GPL-2.0-only

//! Names for what is kept in the cache, by all that went into it.

use sha2::{Digest, Sha256};

/// A short name for what a text or a file says.
pub fn of(content: impl AsRef<[u8]>) -> String {
    let sum = Sha256::digest(content);
    sum.iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Whether a text is of the kind that [`of`] makes.
pub fn is(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
