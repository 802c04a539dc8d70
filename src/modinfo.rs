// SPDX-License-Identifier: GPL-2.0-only

//! The module's version in its `.modinfo`, which `module!` has no field for.
//!
//! `modinfo procDriver` prints it and `/sys/module/procDriver/version` holds it. Kbuild takes it
//! from `dkms.conf`.

const ENTRY: &str = concat!("version=", env!("PROCDRIVER_VERSION"), "\0");

// The loader reads the section by content: nothing in the module refers to it.
#[used]
#[expect(unsafe_code)]
// SAFETY: `.modinfo` holds NUL-terminated `key=value` strings, and this is one.
#[link_section = ".modinfo"]
static VERSION: [u8; ENTRY.len()] = match ENTRY.as_bytes().first_chunk() {
    Some(bytes) => *bytes,
    None => panic!("an array as long as the string takes it whole"),
};
