// SPDX-License-Identifier: GPL-2.0-only

//! The files of a project, and where each comes from.

use super::driver::{self, Change};
use super::project::{Packaging, Project};

/// A file of a project.
pub struct File {
    /// Where it is, with places for the project's names.
    pub path: &'static str,
    /// What it is made of.
    pub origin: Origin,
    /// Whether only one kind of packaging has it.
    pub packaging: Option<Packaging>,
    /// Whether it is executable.
    pub program: bool,
}

/// Where a file comes from.
pub enum Origin {
    /// It is procdriver's own, with other names, and these changes before.
    Driver(&'static str, &'static [Change]),
    /// It is for projects alone, with places for their names.
    Own(&'static str),
    /// It is the same everywhere.
    Same(&'static str),
}

impl File {
    /// Its text for a project.
    pub fn text(&self, project: &Project) -> String {
        match self.origin {
            Origin::Driver(text, changes) => project.fill(&driver::with_names(text, changes)),
            Origin::Own(text) => project.fill(text),
            Origin::Same(text) => text.to_owned(),
        }
    }
}

const fn both(path: &'static str, origin: Origin) -> File {
    File {
        path,
        origin,
        packaging: None,
        program: false,
    }
}

const fn only(packaging: Packaging, path: &'static str, origin: Origin) -> File {
    File {
        packaging: Some(packaging),
        ..both(path, origin)
    }
}

const fn program(file: File) -> File {
    File {
        program: true,
        ..file
    }
}

/// A file of procdriver's, from the top of its tree.
macro_rules! driver {
    ($path:literal $(, $change:expr)*) => {
        Origin::Driver(include_str!(concat!("../../../", $path)), &[$($change),*])
    };
}

/// A file that is for projects alone.
macro_rules! own {
    ($path:literal) => {
        Origin::Own(include_str!(concat!("../../scaffold/", $path)))
    };
}

use Packaging::{Debhelper, Plain};

/// What fuzzing dkms-rust leaves.
const FUZZ: &str = "/dev/fuzz/target/\n/dev/fuzz/artifacts/\n";

/// What making the package leaves.
const BUILT: &str = "/build/
/debian/.debhelper/
/debian/@NAME@-dkms/
/debian/files
/debian/*.debhelper*
/debian/*.substvars
/debian/debhelper-build-stamp";

/// What the driver's package does without and those of projects have.
const NO_SUMS: &str = "# dpkg makes them itself when it installs the package.
procdriver-dkms: no-md5sums-control-file
";

/// All of them.
pub const FILES: &[File] = &[
    both(
        ".gitignore",
        driver!(".gitignore", (FUZZ, ""), ("/target/", BUILT)),
    ),
    both(".github/workflows/build.yml", own!("ci/build.yml")),
    both(
        "Kbuild",
        driver!("Kbuild", ("src/procfs/layout.o", "src/misc/layout.o")),
    ),
    both(
        "LICENSE",
        Origin::Same(include_str!("../../../LICENSES/GPL-2.0-only.txt")),
    ),
    both(
        "Makefile",
        driver!(
            "Makefile",
            (" src/lib.rs", ""),
            ("dev/xtask/targets.mk", "debian/deb.mk")
        ),
    ),
    both("README.md", own!("README.md")),
    program(both("ci/build-all", own!("ci/build-all"))),
    both("dkms.conf", driver!("dkms.conf")),
    both("src/@MODULE@.rs", own!("src/main.rs")),
    both("src/misc.rs", own!("src/misc.rs")),
    both("src/misc/layout.c", own!("src/misc/layout.c")),
    both("src/modinfo.rs", driver!("src/modinfo.rs")),
    both("debian/changelog", own!("debian/changelog")),
    both("debian/control", own!("debian/control")),
    both("debian/copyright", driver!("debian/copyright")),
    both(
        "debian/@NAME@.conf",
        driver!("debian/procdriver-dkms/procdriver.conf"),
    ),
    both(
        "debian/@NAME@-dkms.lintian-overrides",
        driver!("debian/procdriver-dkms/lintian-overrides", (NO_SUMS, "")),
    ),
    both("debian/tests/control", driver!("debian/tests/control")),
    program(both("debian/tests/install", own!("debian/tests-install"))),
    only(Plain, "debian/deb.mk", own!("debian/deb.mk")),
    only(
        Plain,
        "debian/@NAME@-dkms.postinst",
        driver!("debian/procdriver-dkms/postinst"),
    ),
    only(
        Plain,
        "debian/@NAME@-dkms.postrm",
        driver!("debian/procdriver-dkms/postrm"),
    ),
    only(
        Plain,
        "debian/@NAME@-dkms.prerm",
        driver!("debian/procdriver-dkms/prerm"),
    ),
    only(Debhelper, "debian/@NAME@-dkms.dkms", own!("debian/dkms")),
    only(
        Debhelper,
        "debian/@NAME@-dkms.install",
        own!("debian/install"),
    ),
    program(only(Debhelper, "debian/rules", own!("debian/rules"))),
    only(Debhelper, "debian/source/format", own!("debian/format")),
];
