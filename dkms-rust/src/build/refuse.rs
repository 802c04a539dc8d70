// SPDX-License-Identifier: GPL-2.0-only

//! Refuses what can't be rebuilt, or explains why the source of a kernel is needed. The type is in
//! `kernel::refusal`, and every room above it can refuse a kernel.

use crate::build::failures;
use crate::build::rebuild::Rebuild;
use crate::build::way;
use crate::kernel::class::Class;
use crate::kernel::headers::Kernel;
use crate::kernel::refusal::Refusal;
use crate::system::System;
use crate::system::dpkg;
use crate::toolchain::Rustc;
use std::fs;

/// The oldest kernel series whose `kernel` crate is complete enough for today's modules.
const OLDEST: (u32, u32) = (6, 12);

/// Refuses a rebuild that has failed before with the same inputs.
pub fn not_failed(system: &System, rebuild: &Rebuild) -> Result<(), Refusal> {
    let release = &rebuild.kernel.release;
    let Some(failure) = failures::of(system, release, &rebuild.inputs) else {
        return Ok(());
    };
    let why = format!(
        "rebuilding its Rust metadata failed before, and nothing has changed since: {} (the \
         complete log is in {})",
        failure.why,
        failure.log.display()
    );
    let options = system.options();
    let again = format!("dkms-rust kdir -k {release}{options} # tries again");
    Err(Refusal::new(release, why, again))
}

/// Explains in the refusal for a missing source why the source is needed at all.
pub fn without_source(kernel: &Kernel, class: Class, rustc: &Rustc, refusal: Refusal) -> Refusal {
    let mut refusal = with_lib_rust(kernel, refusal);
    let own = way::own_rustc(kernel, class).filter(|own| *own != rustc.version);
    if let Some(own) = own {
        refusal.reason = format!(
            "its own rustc, {own:?}, is not installed, and any other needs the kernel's source; {}",
            refusal.reason
        );
    }
    refusal
}

/// On Ubuntu, the headers have a `rust` link into a separate package with the metadata. If this
/// package is not installed and a rebuild is not possible, tells the user to install it.
fn with_lib_rust(kernel: &Kernel, refusal: Refusal) -> Refusal {
    let link = kernel.build.join("rust");
    let package = format!("linux-lib-rust-{}", kernel.release);
    let leads_there =
        fs::read_link(&link).is_ok_and(|target| target.iter().any(|part| part == package.as_str()));
    if !leads_there || link.exists() {
        return refusal;
    }
    let reason = format!(
        "{package}, which has its metadata, is not installed; {}",
        refusal.reason
    );
    let mend = dpkg::install(&kernel.system, &[&package]).unwrap_or_else(|| {
        // As a shell comment after the command, so that the whole line can still be pasted.
        let other = refusal.mend.map(|mend| format!("{mend} # or "));
        let other = other.unwrap_or_default();
        format!("{other}install {package} from where you got the kernel (apt does not have it)")
    });
    Refusal::new(&kernel.release, reason, mend)
}

/// Refuses kernels whose source does not contain crates that can be built.
pub fn can_be_rebuilt(kernel: &Kernel) -> Result<(), Refusal> {
    let release = &kernel.release;
    if release.series().is_none_or(|series| series < OLDEST) {
        let why = format!(
            "it is older than {}.{}, the first release that has what Rust modules need",
            OLDEST.0, OLDEST.1
        );
        return Err(Refusal::final_(release, why));
    }
    if !has_rust_port(kernel) {
        let why = "Rust is not ported to its architecture (its configuration has no \
                   CONFIG_HAVE_RUST)";
        return Err(Refusal::final_(release, why));
    }
    Ok(())
}

/// Returns whether Rust supports the kernel's architecture. With shadow call stacks, the
/// configuration has `HAVE_RUST` only if the rustc at that time supported them, too.
fn has_rust_port(kernel: &Kernel) -> bool {
    let ported = kernel
        .srcarch()
        .is_some_and(|arch| arch == "arm64" || arch == "riscv");
    kernel.config.is_on("HAVE_RUST") || ported && kernel.config.is_on("SHADOW_CALL_STACK")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::headers::tests::make_installed;

    fn refusal(release: &str, config: &str) -> Option<String> {
        let root = tempfile::tempdir().unwrap();
        make_installed(root.path(), release, config);
        let kernel = Kernel::find(&System::below(root.path()), &release.parse().unwrap()).unwrap();
        Some(can_be_rebuilt(&kernel).err()?.reason)
    }

    const HAVE_RUST: &str = "CONFIG_HAVE_RUST=y\n";

    #[test]
    fn a_kernel_that_is_too_old_is_refused() {
        let why = refusal("6.1.0-44-amd64", HAVE_RUST).unwrap();
        assert!(why.contains("older than 6.12"), "{why}");
        assert!(refusal("6.11.10-amd64", HAVE_RUST).is_some());
        assert_eq!(refusal("6.12.107-amd64", HAVE_RUST), None);
    }

    #[test]
    fn a_kernel_of_an_architecture_without_rust_is_refused_for_good() {
        let why = refusal("6.12.107-s390x", "").unwrap();
        assert!(why.contains("not ported to its architecture"), "{why}");
    }

    #[test]
    fn the_rustc_that_is_missing_is_named_where_the_source_is_missing_too() {
        let root = tempfile::tempdir().unwrap();
        let config = "CONFIG_RUST=y\nCONFIG_RUSTC_VERSION_TEXT=\"rustc 1.11.1 (x)\"\n";
        make_installed(root.path(), "7.3.4-amd64", config);
        let release = "7.3.4-amd64".parse().unwrap();
        let kernel = Kernel::find(&System::below(root.path()), &release).unwrap();
        let reason = |version: &str| {
            let refusal = Refusal::new(&release, "no source", "get it");
            let rustc = Rustc {
                path: "/usr/bin/rustc".into(),
                version: version.to_owned(),
            };
            without_source(&kernel, Class::Rust, &rustc, refusal).reason
        };
        assert_eq!(reason("rustc 1.11.1 (x)"), "no source");
        assert!(
            reason("rustc 1.85.1 (x)").starts_with("its own rustc, \"rustc 1.11.1 (x)\", is not")
        );
    }

    #[test]
    fn ubuntu_s_package_with_the_metadata_is_named_where_nothing_else_serves() {
        let root = tempfile::tempdir().unwrap();
        let build = make_installed(root.path(), "6.14.0-1-generic", "CONFIG_RUST=y\n");
        let release = "6.14.0-1-generic".parse().unwrap();
        let kernel = Kernel::find(&System::below(root.path()), &release).unwrap();
        let refused = || with_lib_rust(&kernel, Refusal::new(&release, "no source", "get it"));
        assert_eq!(refused().reason, "no source");
        let target = "/usr/src/linux-lib-rust-6.14.0-1-generic/rust";
        std::os::unix::fs::symlink(target, build.join("rust")).unwrap();
        let refusal = refused();
        let mend = refusal.mend.unwrap();
        assert!(
            mend.starts_with("get it # or install linux-lib-rust-6.14.0-1-generic"),
            "{mend}"
        );
        assert!(refusal.reason.ends_with("is not installed; no source"));
    }
}
