// SPDX-License-Identifier: GPL-2.0-only

//! What a kernel's configuration says about the C compiler that built it. It is only text: a version
//! and, at most, a plain name are taken from there.

use crate::kernel::headers::Kernel;
use crate::toolchain::minimum::numbers;

/// What the configuration says about the compiler.
#[derive(Debug, PartialEq, Eq)]
pub struct Built {
    /// Its name, if it is a plain one.
    pub name: Option<String>,
    /// Its major version.
    pub major: Option<u32>,
    /// What it called itself.
    pub text: String,
}

impl Built {
    /// Reads the kernel's configuration.
    pub fn of(kernel: &Kernel) -> Self {
        let text = kernel.config.get("CC_VERSION_TEXT").unwrap_or_default();
        let name = text.split(' ').next().filter(|name| is_plain(name));
        let number = ["GCC_VERSION", "CLANG_VERSION"]
            .iter()
            .filter_map(|option| kernel.config.get(option)?.parse::<u32>().ok())
            .find(|number| *number > 0);
        let text_s = || {
            // gcc's text ends with its version; clang's has it in the middle.
            let words = text.split(' ').rev();
            let mut versions = words.filter(|word| word.starts_with(|c: char| c.is_ascii_digit()));
            let version = versions.find_map(numbers)?;
            Some(version[0])
        };
        Self {
            name: name.map(str::to_owned),
            major: number.map(|number| number / 10_000).or_else(text_s),
            text: text.to_owned(),
        }
    }
}

/// Returns whether a name can be that of a program in one of the usual directories.
pub fn is_plain(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._+-".contains(c);
    name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toolchain::compiler::tests::kernel;

    fn built(config: &str) -> (Option<String>, Option<u32>) {
        let built = Built::of(&kernel(config, "").1);
        (built.name, built.major)
    }

    #[test]
    fn a_compiler_is_known_by_its_version_and_never_by_a_path() {
        let debian = "CONFIG_CC_VERSION_TEXT=\"x86_64-linux-gnu-gcc-14 (Debian 14.2.0-19) 14.2.0\"";
        let name = "x86_64-linux-gnu-gcc-14".to_owned();
        assert_eq!(built(debian), (Some(name), Some(14)));
        let path = "CONFIG_CC_VERSION_TEXT=\"/home/u/gcc (own) 13.1.0\"\nCONFIG_GCC_VERSION=140200";
        assert_eq!(built(path), (None, Some(14)));
        let path = "CONFIG_CC_VERSION_TEXT=\"../gcc (own) 13.1.0\"";
        assert_eq!(built(path), (None, Some(13)));
        let clang = "CONFIG_CC_VERSION_TEXT=\"Debian clang version 19.1.7 (3)\"\n\
                     CONFIG_GCC_VERSION=0\nCONFIG_CLANG_VERSION=0";
        assert_eq!(built(clang).1, Some(19));
        assert_eq!(built(""), (None, None));
        assert!(!is_plain("a b") && !is_plain("-o") && !is_plain("..") && !is_plain("$(x)"));
    }
}
