// SPDX-License-Identifier: GPL-2.0-only

//! `xtask sources`: builds the package dkms-rust-sources for the kernels in the archive, and
//! dkms-rust-core for their compilers. dkms-rust itself extracts the slices, in roots with the
//! kernels' headers and sources. The Rust library comes from rust-src.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::debian::chroot::Chroot;
use crate::debian::kernel::Kernel;
use crate::debian::kernels::DEBIANS;
use crate::debian::mirror::Mirror;
use crate::debian::root::Root;
use crate::debian::{layers, packaged, provision, setup};
use crate::host::project::Project;
use crate::host::{files, ui};
use crate::package::{deb, repo};

/// Where dkms-rust stores slices.
const KEPT: &str = "var/lib/dkms-rust/source";

/// Extracts a kernel's slice, and prints its name, which comes from the headers' source package.
/// dkms-rust compresses in little time, and a package should be small.
const SLICE: &str = r#"
dkms-rust source -k "$R" >&2 && cd /var/lib/dkms-rust/source &&
xz -d "$R.tar.xz" && xz -6e "$R.tar" &&
dpkg-query -W -f '${source:Package}_${source:Version}\n' "linux-headers-$R"
"#;

/// Unpacks rust-src of a suite beside the root's own. The root has no archive in its package
/// sources, so the caller adds the suite's.
const RUST_SRC: &str = r#"
set -e
cd "$(mktemp -d)"
apt-get -q update
apt-get -q download "rust-src/$SUITE"
dpkg-deb -x ./*.deb /
"#;

/// Copies the source of `core` of each rustc, and of the two crates that `core` includes by path.
/// Files that dkms-rust leaves empty are emptied. Code for processors on which no kernel with Rust
/// runs is removed.
const LIBRARIES: &str = r#"
set -e
for library in /usr/src/rustc-*/library; do
    version=${library%/library}
    to=/srv/sources/library/${version##*-}
    mkdir -p "$to"
    cd "$library"
    cp -r --parents core stdarch/crates/core_arch portable-simd/crates/core_simd "$to"
    find "$to" -type f ! '(' -path '*/src/*' -name '*.[rm][sd]' ')' -delete
    cd "$to/stdarch/crates/core_arch/src"
    find x86 x86_64 -name 'avx512*' -exec truncate -s 0 {} +
    rm -rf amdgpu hexagon mips nvptx powerpc powerpc64 s390x sparc wasm32
    find "$to" -type d -empty -delete
done
"#;

/// Builds the packages.
pub fn task(project: &Project) -> Result<bool> {
    setup::begin()?;
    let repo = repo::build(project, &deb::build(project)?)?;
    for deb in all(project, &repo)? {
        println!("{}", deb.display());
    }
    Ok(true)
}

/// Makes the packages for all kernels and compilers of all Debians, with the dkms-rust of a
/// repository.
pub fn all(project: &Project, repo: &Path) -> Result<[PathBuf; 2]> {
    let content = Content::new(project)?;
    let mirror = Mirror::find()?;
    for debian in DEBIANS {
        let base = provision::base(project, debian)?;
        let kernels = one_of_each(&base.offered);
        let root = layers::with_kernels(project, &base, "sources", &kernels)?;
        let suites: Vec<&str> = debian.rustc.into_iter().collect();
        content.add(&root, repo, &kernels, &suites, &mirror)?;
    }
    content.pack()
}

/// Like [`all`], but only for these kernels of a root and its own compiler.
pub fn of_root(
    project: &Project,
    root: &Root,
    repo: &Path,
    kernels: &[Kernel],
) -> Result<[PathBuf; 2]> {
    let content = Content::new(project)?;
    let kernels: Vec<&Kernel> = kernels.iter().collect();
    content.add(root, repo, &kernels, &[], &Mirror::find()?)?;
    content.pack()
}

/// Returns one kernel of each source version.
fn one_of_each(offered: &[Kernel]) -> Vec<&Kernel> {
    let mut found: Vec<&Kernel> = Vec::new();
    for kernel in offered.iter().filter(|kernel| kernel.foreign().is_none()) {
        if !found.iter().any(|other| other.version == kernel.version) {
            found.push(kernel);
        }
    }
    found
}

/// The contents of the packages, in a directory.
struct Content<'a> {
    project: &'a Project,
    folder: PathBuf,
}

impl<'a> Content<'a> {
    fn new(project: &'a Project) -> Result<Self> {
        // Use the source tree even if CARGO_TARGET_DIR is elsewhere: the asset list is relative to
        // it.
        let folder = project.source.join("target/sources");
        files::make_empty_dir(&folder)?;
        for part in ["source", "library"] {
            files::make_dir(&folder.join(part))?;
        }
        Ok(Self { project, folder })
    }

    /// Adds the slices of these kernels of a root, and the libraries of its rustc and of the rustc
    /// of each of `suites`.
    fn add(
        &self,
        root: &Root,
        repo: &Path,
        kernels: &[&Kernel],
        suites: &[&str],
        mirror: &Mirror,
    ) -> Result<()> {
        let log = self.project.log("sources")?;
        let mut chroot = packaged::with_dkms_rust(self.project, root, repo, &log)?;
        for kernel in kernels {
            let what = format!("take the slice of {}", kernel.release);
            ui::step(&what, || self.slice(&chroot, kernel, &log))?;
        }
        for suite in suites {
            let list = chroot.path().join("etc/apt/sources.list.d/rust-src.list");
            files::write(&list, format!("{}\n", mirror.source_line(suite)))?;
            ui::step(&format!("download rust-src of {suite}"), || {
                let line = format!("SUITE='{suite}'; {RUST_SRC}");
                chroot.sh(&line).log(&log).run().map(drop)
            })?;
        }
        chroot.bind(&self.folder, "/srv/sources")?;
        chroot.sh(LIBRARIES).log(&log).run().map(drop)
    }

    fn slice(&self, chroot: &Chroot, kernel: &Kernel, log: &Path) -> Result<()> {
        let line = format!("R='{}'; {SLICE}", kernel.release);
        let name = chroot.sh(&line).log(log).stdout()?;
        let slice = format!("{}.tar.xz", kernel.release);
        let slice = chroot.path().join(KEPT).join(slice);
        let to = self
            .folder
            .join("source")
            .join(format!("{}.tar.xz", name.trim()));
        files::copy(&slice, &to)
    }

    fn pack(&self) -> Result<[PathBuf; 2]> {
        let mut slices = Vec::new();
        for name in self.names("source")? {
            let (package, version) = name
                .strip_suffix(".tar.xz")
                .and_then(|name| name.split_once('_'))
                .with_context(|| format!("{name} is no slice's name"))?;
            slices.push(provided(package, version));
        }
        let compilers = self.names("library")?;
        let libraries: Vec<String> = compilers
            .iter()
            .map(|version| provided("rust", version))
            .collect();
        for provides in [&slices, &libraries] {
            ensure!(!provides.is_empty(), "there is nothing in a package");
            ui::say(&format!("provided: {}", provides.join(", ")));
        }
        Ok([
            deb::sources(self.project, &slices.join(", "))?,
            deb::core(self.project, &libraries.join(", "), &compilers)?,
        ])
    }

    /// Returns the names of what is in a part of the contents, in their order.
    fn names(&self, part: &str) -> Result<Vec<String>> {
        let paths = files::list(&self.folder.join(part))?;
        let name = |path: &PathBuf| Some(path.file_name()?.to_str()?.to_owned());
        Ok(paths.iter().filter_map(name).collect())
    }
}

/// Returns an entry of a Provides field, such as `dkms-rust-source-linux (= 7.3.4-1)`.
fn provided(name: &str, version: &str) -> String {
    format!("dkms-rust-source-{name} (= {version})")
}
