// SPDX-License-Identifier: GPL-2.0-only

//! Selects kernels by command line arguments.

use crate::debian::kernel::Kernel;

/// Returns whether the arguments select a kernel: by its suite, its series and flavour, both, or
/// its release.
pub fn is_picked(kernel: &Kernel, words: &[String]) -> bool {
    let name = format!("{}-{}", kernel.series, kernel.flavour);
    let full = format!("{}/{name}", kernel.suite);
    let known = [&kernel.suite, &kernel.release, &name, &full];
    words.is_empty() || words.iter().any(|word| known.contains(&word))
}

/// Returns the arguments that select none of the kernels.
pub fn unknown<'w>(kernels: &[Kernel], words: &'w [String]) -> Vec<&'w str> {
    let means = |word: &String, kernel: &Kernel| is_picked(kernel, std::slice::from_ref(word));
    words
        .iter()
        .filter(|word| !kernels.iter().any(|kernel| means(word, kernel)))
        .map(String::as_str)
        .collect()
}

/// Returns the kernels' names for the command line.
pub fn names(kernels: &[Kernel]) -> Vec<String> {
    let name = |kernel: &Kernel| format!("{}/{}-{}", kernel.suite, kernel.series, kernel.flavour);
    kernels.iter().map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_is_picked_by_each_of_its_names_and_by_no_words_at_all() {
        let kernel = Kernel {
            suite: "trixie".into(),
            series: "6.12".into(),
            flavour: "amd64".into(),
            version: "6.12.107-1".into(),
            release: "6.12.107+deb13-amd64".into(),
            before: None,
        };
        assert!(is_picked(&kernel, &[]));
        for word in names(std::slice::from_ref(&kernel))
            .iter()
            .map(String::as_str)
            .chain(["trixie", "6.12-amd64", "6.12.107+deb13-amd64"])
        {
            assert!(is_picked(&kernel, &[word.to_owned()]), "{word}");
        }
        let words = ["amd64".to_owned(), "6.12-amd64".to_owned()];
        assert_eq!(unknown(&[kernel], &words), ["amd64"]);
    }
}
