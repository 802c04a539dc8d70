// SPDX-License-Identifier: GPL-2.0-only

//! What `.modinfo` says of the module that `module!` has no field for, or not by the same name in
//! all kernels.
//!
//! `modinfo procDriver` prints it, and `/sys/module/procDriver/version` holds the version. Kbuild
//! takes that from `dkms.conf`.

/// Puts a NUL-terminated `key=value` string into `.modinfo`.
macro_rules! modinfo {
    ($name:ident, $text:expr) => {
        // The loader reads the section by content: nothing in the module refers to it. Plain
        // `used` asks the linker too, which newer compilers do by a second section of that name,
        // and such a module is refused.
        #[used(compiler)]
        #[expect(unsafe_code)]
        // SAFETY: `.modinfo` holds NUL-terminated `key=value` strings, and this is one.
        #[link_section = ".modinfo"]
        static $name: [u8; $text.len()] = match $text.as_bytes().first_chunk() {
            Some(bytes) => *bytes,
            None => panic!("an array as long as the string takes it whole"),
        };
    };
}

modinfo!(VERSION, concat!("version=", env!("MODULE_VERSION"), "\0"));
// `authors` of `module!` was `author` until 6.15.
modinfo!(AUTHOR, "author=procdriver maintainers\0");
