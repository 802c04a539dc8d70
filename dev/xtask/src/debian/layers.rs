// SPDX-License-Identifier: GPL-2.0-only

//! Layers of packages on top of a provisioned root, installed by the root's own apt. Tasks that do
//! not need a layer do not have to wait for it.

use anyhow::Result;

use crate::debian::chroot::Chroot;
use crate::debian::kernel::Kernel;
use crate::debian::mirror::Mirror;
use crate::debian::root::Root;
use crate::host::project::Project;
use crate::host::{digest, files, lock, ui};

/// Packages that only the tests need.
const CHECK_PACKAGES: &[&str] = &[
    "acpi-call-dkms",
    "lintian",
    "man-db",
    // Needed by the kernel's script that writes rust-project.json.
    "python3-minimal",
    "rust-clippy",
    "rustfmt",
    "shellcheck",
];

/// Downloads kernel headers of another architecture, and prints the path of the package. Before 7.x
/// they depend on that architecture's native compiler, which cannot be installed beside this
/// machine's. Make them depend on the cross-compiler, which works as well.
const FOR_CROSS_COMPILERS: &str = r#"
set -e
cd "$(mktemp -d /tmp/headers.XXXXXX)"
apt-get -q download "$package" >&2
dpkg-deb -R ./*.deb unpacked
sed -i -E '/^Depends:/s/, (gcc-[0-9]+)(,|$)/, \1-for-host\2/' unpacked/DEBIAN/control
dpkg-deb -b unpacked "$PWD"/headers.deb >&2
echo "$PWD"/headers.deb
"#;

/// The signed boot loaders of a machine with Secure Boot, and what is needed to set up such a
/// machine.
const SECURE_BOOT_PACKAGES: &[&str] = &[
    "grub-efi-amd64-signed",
    "mtools",
    "ovmf",
    "python3-virt-firmware",
    "shim-signed",
];

/// Adds a layer with the packages for a machine with Secure Boot.
pub fn with_secure_boot(project: &Project, root: &Root) -> Result<Root> {
    with_named(project, root, "secure-boot", SECURE_BOOT_PACKAGES)
}

/// Packages for building Debian packages.
const PACKAGING: &[&str] = &["build-essential", "debhelper"];

/// Adds a layer with the tools for building Debian packages.
pub fn with_debhelper(project: &Project, root: &Root) -> Result<Root> {
    with_named(project, root, "packaging", PACKAGING)
}

/// What a build host for a fleet needs, also for images and system extensions.
const FLEET: &[&str] = &[
    "buildah",
    "gnupg",
    "mmdebstrap",
    "netavark",
    "opensc",
    "openssl",
    "p11-kit-modules",
    "pkcs11-provider",
    "reprepro",
    "skopeo",
    "softhsm2",
    "squashfs-tools",
];

/// Adds a layer with the tools of a build host.
pub fn with_fleet(project: &Project, root: &Root) -> Result<Root> {
    with_named(project, root, "fleet", FLEET)
}

/// Adds a layer with podman.
pub fn with_podman(project: &Project, root: &Root) -> Result<Root> {
    with_named(project, root, "podman", &["podman"])
}

/// Debian's own cargo, which depends on its rustc.
const CARGO: &[&str] = &["cargo"];

/// Adds a layer with the tools for building this repository.
pub fn with_cargo(project: &Project, root: &Root) -> Result<Root> {
    with_named(project, root, "cargo", CARGO)
}

/// What building a kernel needs, beyond what building its modules needs.
const KERNEL_TOOLS: &[&str] = &[
    "bc",
    "bison",
    // Under the names that the kernel's Makefile uses.
    "clang",
    "cpio",
    // For packaging the kernel.
    "debhelper",
    "flex",
    "lld",
    "llvm",
    "python3-minimal",
    "rsync",
];

/// Adds a layer with the tools for building a kernel.
pub fn with_kernel_tools(project: &Project, root: &Root) -> Result<Root> {
    with_named(project, root, "kernel-tools", KERNEL_TOOLS)
}

/// Test suites from other projects.
const FOREIGN_SUITES: &[&str] = &["stress-ng", "trinity"];

/// Adds a layer with the foreign test suites.
pub fn with_foreign_suites(project: &Project, root: &Root) -> Result<Root> {
    with_named(project, root, "foreign-suites", FOREIGN_SUITES)
}

/// Adds a layer, called `name`, with the rustc of another suite, newer or older.
pub fn with_rustc_of(
    project: &Project,
    root: &Root,
    mirror: &Mirror,
    suite: &str,
    name: &str,
) -> Result<Root> {
    let line = RUSTC_OF.replace("SUITE", suite);
    let what = format!("add to the root: rustc of {suite}");
    made(
        project,
        root,
        name,
        std::slice::from_ref(&line),
        &what,
        |chroot| {
            let list = chroot.path().join(format!("etc/apt/sources.list.d/{LIST}"));
            files::write(&list, format!("{}\n", mirror.source_line(suite)))?;
            let log = project.log("provision-layers")?;
            chroot.sh(&line).log(&log).run()?;
            files::remove(&list)
        },
    )
}

const LIST: &str = "rustc-of.list";
const RUSTC_OF: &str = "apt-get -q update && apt-get -q -y --no-install-recommends \
     --allow-downgrades install rustc/SUITE rust-src/SUITE libstd-rust-dev/SUITE && apt-get clean";

/// Adds a layer with the tools of the tests.
pub fn with_checks(project: &Project, root: &Root) -> Result<Root> {
    with_named(project, root, "checks", CHECK_PACKAGES)
}

/// Adds a layer with these kernels, their headers and linux-source, beside the root's own kernel.
/// `name` is the purpose of the layer: one layer is kept for each.
pub fn with_kernels(
    project: &Project,
    root: &Root,
    name: &str,
    kernels: &[&Kernel],
) -> Result<Root> {
    let more = kernels
        .iter()
        .filter(|kernel| kernel.release != root.release);
    let mut packages: Vec<String> = more
        .flat_map(|kernel| {
            let Kernel {
                series, version, ..
            } = kernel;
            [
                kernel.package("linux-image"),
                kernel.package("linux-headers"),
                format!("linux-source-{series}={version}"),
            ]
        })
        .collect();
    packages.sort();
    packages.dedup();
    if packages.is_empty() {
        return Ok(root.clone());
    }
    with(project, root, name, &packages)
}

fn with_named(project: &Project, root: &Root, name: &str, packages: &[&str]) -> Result<Root> {
    let packages: Vec<String> = packages.iter().map(|&name| name.into()).collect();
    with(project, root, name, &packages)
}

fn with(project: &Project, root: &Root, name: &str, packages: &[String]) -> Result<Root> {
    let what = format!("add to the root: {}", packages.join(" "));
    made(project, root, name, packages, &what, |chroot| {
        install(project, chroot, packages)
    })
}

/// Adds a layer that `make` fills in a chroot. It is cached under a key of the layers below and the
/// recipe; one layer is kept for each name.
pub fn made(
    project: &Project,
    root: &Root,
    name: &str,
    recipe: &[String],
    what: &str,
    make: impl FnOnce(&mut Chroot) -> Result<()>,
) -> Result<Root> {
    let below = root.layers.iter().map(|layer| layer.to_string_lossy());
    let key: Vec<_> = below.chain(recipe.iter().map(|part| part.into())).collect();
    let key = digest::of(key.join("\n"));
    let layer = root.folder.join(format!("{name}-{key}"));
    let _lock = lock::take(&root.folder.join(format!("{name}.lock")))?;
    if !layer.exists() {
        ui::step(what, || {
            let mut chroot = Chroot::new(project, root)?;
            make(&mut chroot)?;
            chroot.keep(&layer)
        })?;
        let file = layer.file_name().unwrap_or_default().to_string_lossy();
        files::remove_named(&root.folder, |other| other != file && is_layer(other, name))?;
    }
    Ok(root.with_layer(&layer))
}

fn install(project: &Project, chroot: &Chroot, packages: &[String]) -> Result<()> {
    let log = project.log("provision-layers")?;
    let apt = |args: &[&str]| {
        chroot
            .cmd("env")
            // As in the root itself: the guests have their own initramfs.
            .args(["INITRD=No", "apt-get", "-q", "-y"])
            .args(args)
            .log(&log)
    };
    for architecture in packages.iter().filter_map(|package| foreign(package)) {
        chroot
            .cmd("dpkg")
            .args(["--add-architecture", architecture])
            .run()?;
    }
    apt(&["update"]).run()?;
    let (headers, packages): (Vec<&String>, Vec<&String>) = packages
        .iter()
        .partition(|package| foreign(package).is_some() && package.starts_with("linux-headers"));
    let mut files = Vec::new();
    for package in headers {
        let line = format!("package='{package}'; {FOR_CROSS_COMPILERS}");
        files.push(chroot.sh(&line).log(&log).stdout()?.trim().to_owned());
    }
    apt(&["--no-install-recommends", "install"])
        .args(packages)
        .args(&files)
        .run()?;
    apt(&["clean"]).run()?;
    chroot.sh("rm -rf /tmp/headers.*").run().map(drop)
}

/// Returns the architecture in `package:architecture=version`.
fn foreign(package: &str) -> Option<&str> {
    let (_, rest) = package.split_once(':')?;
    rest.split('=').next()
}

/// Returns whether `file` is a layer of this name. Another layer's name may begin with it.
fn is_layer(file: &str, name: &str) -> bool {
    let key = file
        .strip_prefix(name)
        .and_then(|rest| rest.strip_prefix('-'));
    key.is_some_and(digest::is)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_goes_with_its_own_name_only() {
        let layers = ["foreign", "foreign-suites", "old", "kernel-tools"];
        let files: Vec<String> = layers
            .iter()
            .flat_map(|name| {
                let key = digest::of(name);
                [format!("{name}-{key}"), format!("{name}.lock")]
            })
            .collect();
        let of = |name: &str| -> Vec<&String> {
            files.iter().filter(|file| is_layer(file, name)).collect()
        };
        assert_eq!(of("foreign"), [&files[0]]);
        assert_eq!(of("foreign-suites"), [&files[2]]);
        assert!(of("kernel").is_empty());
    }
}
