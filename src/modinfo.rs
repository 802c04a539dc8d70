// SPDX-License-Identifier: GPL-2.0-only

//! The fields of `.modinfo` that `module!` does not support, or that it does not call by the same
//! name in all kernels.
//!
//! `modinfo procDriver` prints them, and `/sys/module/procDriver/version` contains the version.
//! Kbuild takes the version from `dkms.conf`.

/// Puts a NUL-terminated `key=value` string into `.modinfo`.
macro_rules! modinfo {
    ($name:ident, $text:expr) => {
        // Nothing in the module refers to this string, because the loader searches the section.
        // Plain `used` would ask the linker to keep it, too. Newer compilers do that with a second
        // section of that name, and the loader refuses such a module.
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
// Until 6.15 `authors` of `module!` was called `author`.
modinfo!(AUTHOR, "author=procdriver maintainers\0");
