// SPDX-License-Identifier: GPL-2.0-only

//! The files of a new project, and their origins.

use super::driver::{self, Change};
use super::project::{Packaging, Project};

/// A file of a project.
pub struct File {
    /// The file's path, with placeholders for the project's names.
    pub path: &'static str,
    /// The origin of its content.
    pub origin: Origin,
    /// The packaging to which the file belongs, or `None` if it belongs to both.
    pub packaging: Option<Packaging>,
    /// Whether the file is executable.
    pub program: bool,
}

/// The origin of a file.
pub enum Origin {
    /// A file of procdriver. First these changes are made, then the names are replaced.
    Driver(&'static str, &'static [Change]),
    /// A template that only projects use, with placeholders for their names.
    Own(&'static str),
    /// A file that is copied unchanged.
    Same(&'static str),
}

impl File {
    /// Returns the file's content for a project.
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

/// Includes one of procdriver's files. The path is relative to the top of its tree.
macro_rules! driver {
    ($path:literal $(, $change:expr)*) => {
        Origin::Driver(include_str!(concat!("../../../", $path)), &[$($change),*])
    };
}

/// Includes one of the templates.
macro_rules! own {
    ($path:literal) => {
        Origin::Own(include_str!(concat!("../../scaffold/", $path)))
    };
}

use Packaging::{Debhelper, Plain};

/// Files that fuzzing dkms-rust leaves behind, for `.gitignore`.
const FUZZ: &str = "/dev/fuzz/target/\n/dev/fuzz/artifacts/\n";

/// Files that building the package leaves behind, for `.gitignore`.
const BUILT: &str = "/build/
/debian/.debhelper/
/debian/@NAME@-dkms/
/debian/files
/debian/*.debhelper*
/debian/*.substvars
/debian/debhelper-build-stamp";

/// The lintian override for missing checksums. Unlike the driver's package, those of projects have
/// them.
const NO_SUMS: &str = "# dpkg makes them itself when it installs the package.
procdriver-dkms: no-md5sums-control-file
";

/// All files of a project.
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
            ("target/doc", "build/doc"),
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
