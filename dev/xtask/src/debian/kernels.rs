// SPDX-License-Identifier: GPL-2.0-only

//! The kernels that the driver is tested on.
//!
//! The table contains no versions. From each suite we take every series that has a linux-source
//! package there, and from each series the newest kernel.

/// A Debian to provision, and the kernels to install in it.
pub struct Debian {
    /// The suite of its programs, including compilers.
    pub suite: &'static str,
    /// All suites in its apt sources.
    pub archives: &'static [&'static str],
    /// The suite of the kernel that it is provisioned with.
    pub kernel: &'static str,
    /// The kernels for the matrix.
    pub kernels: &'static [Kernels],
    /// The suite of a rustc that did not build its kernels. The matrix builds with it too.
    pub rustc: Option<&'static str>,
}

/// Kernels of one flavour in a suite.
pub struct Kernels {
    /// The suite that contains them.
    pub suite: &'static str,
    /// The end of their release. The `linux-image-<flavour>` package depends on the newest one. The
    /// last part is the architecture.
    pub flavour: &'static str,
    /// Whether `make test` uses them, beside the kernel that the root is provisioned with.
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

/// The flavour of the kernel that a root is provisioned with.
pub const FLAVOUR: &str = "amd64";

/// All Debians, [`TESTED`] first.
pub const DEBIANS: &[Debian] = &[
    Debian {
        suite: "trixie",
        archives: &["trixie", "trixie-updates", "trixie-backports"],
        kernel: "trixie-backports",
        kernels: &[
            // This one has no Rust, unlike the one that the root is provisioned with.
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
