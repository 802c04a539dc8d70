// SPDX-License-Identifier: GPL-2.0-only

//! The kernels that the driver is tested on.
//!
//! No version stands here: of each suite every series is taken that the suite has linux-source
//! for, and of each series the newest kernel.

/// A Debian that is provisioned, and the kernels that are installed into it.
pub struct Debian {
    /// The suite of its programs, compilers included.
    pub suite: &'static str,
    /// All suites that its apt knows.
    pub archives: &'static [&'static str],
    /// The suite of the kernel that it has from the beginning.
    pub kernel: &'static str,
    /// The kernels of the matrix.
    pub kernels: &'static [Kernels],
    /// The suite of a rustc that is not that of its kernels, which the matrix builds with as well.
    pub rustc: Option<&'static str>,
}

/// Kernels of a suite.
pub struct Kernels {
    /// The suite that they come from.
    pub suite: &'static str,
    /// The end of their release: `linux-image-<flavour>` is the package that follows the newest.
    /// What it ends with is the architecture.
    pub flavour: &'static str,
    /// Whether `make test` has them beside the kernel that the root has from the beginning.
    pub in_test: bool,
}

const fn kernels(suite: &'static str, flavour: &'static str) -> Kernels {
    Kernels {
        suite,
        flavour,
        in_test: false,
    }
}

/// The Debian that the demo and the tests boot.
pub const TESTED: &Debian = &DEBIANS[0];

/// The flavour of the kernel that a root has from the beginning.
pub const FLAVOUR: &str = "amd64";

/// All of them.
pub const DEBIANS: &[Debian] = &[
    Debian {
        suite: "trixie",
        archives: &["trixie", "trixie-updates", "trixie-backports"],
        kernel: "trixie-backports",
        kernels: &[
            // Without Rust, beside the one with it.
            Kernels {
                in_test: true,
                ..kernels("trixie", "amd64")
            },
            kernels("trixie", "cloud-amd64"),
            kernels("trixie", "rt-amd64"),
            kernels("trixie", "arm64"),
            kernels("trixie-backports", "amd64"),
            kernels("trixie-backports", "cloud-amd64"),
            kernels("trixie-backports", "rt-amd64"),
            kernels("trixie-backports", "arm64"),
        ],
        rustc: Some("trixie-backports"),
    },
    Debian {
        suite: "forky",
        archives: &["forky"],
        kernel: "forky",
        kernels: &[
            kernels("forky", "amd64"),
            kernels("forky", "cloud-amd64"),
            kernels("forky", "rt-amd64"),
        ],
        rustc: None,
    },
    Debian {
        suite: "sid",
        archives: &["sid"],
        kernel: "sid",
        kernels: &[
            kernels("sid", "amd64"),
            kernels("sid", "cloud-amd64"),
            kernels("sid", "rt-amd64"),
        ],
        rustc: Some("trixie"),
    },
];
