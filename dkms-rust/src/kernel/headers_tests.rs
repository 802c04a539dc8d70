// SPDX-License-Identifier: GPL-2.0-only

use super::*;

/// Makes what looks like an installed kernel: a Debian build tree with `-common` headers.
pub(crate) fn make_installed(root: &Path, release: &str, config: &str) -> PathBuf {
    let modules = root.join("lib/modules").join(release);
    let build = root
        .join("usr/src")
        .join(format!("linux-headers-{release}"));
    let common = root.join("usr/src/linux-headers-common");
    for dir in [
        "include/config",
        "include/generated",
        "arch/x86/include/generated",
    ] {
        fs::create_dir_all(build.join(dir)).unwrap();
    }
    fs::create_dir_all(&modules).unwrap();
    fs::create_dir_all(&common).unwrap();
    fs::write(common.join("Makefile"), "VERSION = 7\n").unwrap();
    let include = format!("include {}/Makefile\n", common.display());
    fs::write(build.join("Makefile"), include).unwrap();
    fs::write(build.join(".config"), config).unwrap();
    fs::write(build.join("include/config/auto.conf"), config).unwrap();
    fs::write(build.join("include/generated/autoconf.h"), "").unwrap();
    fs::write(
        build.join("Module.symvers"),
        "0x0\tprintk\tvmlinux\tEXPORT_SYMBOL\t\n",
    )
    .unwrap();
    for tool in TOOLS {
        fs::create_dir_all(build.join(tool).parent().unwrap()).unwrap();
        fs::write(build.join(tool), "#!/bin/sh\n").unwrap();
    }
    std::os::unix::fs::symlink(&build, modules.join("build")).unwrap();
    build
}

#[test]
fn a_debian_kernel_has_its_common_headers_and_its_arch() {
    let root = tempfile::tempdir().unwrap();
    make_installed(root.path(), "7.3.4-amd64", "CONFIG_RUST=y\n");
    let release = "7.3.4-amd64".parse().unwrap();
    let kernel = Kernel::find(&System::below(root.path()), &release).unwrap();
    assert!(kernel.common.ends_with("usr/src/linux-headers-common"));
    assert_eq!(kernel.srcarch().as_deref(), Some("x86"));
    assert!(kernel.config.is_on("RUST"));
}

#[test]
fn a_kernel_that_is_not_there_and_one_without_headers_are_told_apart() {
    let root = tempfile::tempdir().unwrap();
    let system = System::below(root.path());
    let release: Release = "7.3.4-amd64".parse().unwrap();
    let refusal = Kernel::find(&system, &release).unwrap_err();
    assert_eq!(refusal.reason, "no such kernel is installed");

    fs::create_dir_all(root.path().join("lib/modules/7.3.4-amd64")).unwrap();
    let refusal = Kernel::find(&system, &release).unwrap_err();
    assert_eq!(refusal.reason, "its headers are not installed");
    // apt has nothing for this system, so the mend is not an apt command.
    let mend = refusal.mend.unwrap();
    assert!(
        mend.starts_with("install linux-headers-7.3.4-amd64 from"),
        "{mend}"
    );
}

fn find(root: &Path) -> Result<Kernel, Refusal> {
    Kernel::find(&System::below(root), &"7.3.4-amd64".parse().unwrap())
}

#[test]
fn headers_from_elsewhere_serve_if_they_are_that_kernel_s() {
    let root = tempfile::tempdir().unwrap();
    make_installed(root.path(), "7.3.4-amd64", "");
    let usual = find(root.path()).unwrap().build;
    let other = root.path().join("elsewhere");
    assert!(
        std::process::Command::new("cp")
            .args([Path::new("-r"), &usual, &other])
            .status()
            .unwrap()
            .success()
    );
    let system = System::below(root.path()).with_headers(Some(other.clone()));
    let release: Release = "7.3.4-amd64".parse().unwrap();
    assert_eq!(Kernel::find(&system, &release).unwrap().build, other);
    fs::write(other.join(RELEASE), "7.3.5-amd64\n").unwrap();
    let refusal = Kernel::find(&system, &release).unwrap_err();
    assert_eq!(
        refusal.reason,
        "the headers in /elsewhere are those of 7.3.5-amd64"
    );
}

#[test]
fn headers_without_a_config_have_one_in_auto_conf() {
    let root = tempfile::tempdir().unwrap();
    let build = make_installed(root.path(), "7.3.4-amd64", "CONFIG_RUST=y\n");
    fs::remove_file(build.join(".config")).unwrap();
    assert!(find(root.path()).unwrap().config.is_on("RUST"));
    fs::remove_file(build.join(AUTO_CONF)).unwrap();
    let refusal = find(root.path()).unwrap_err();
    assert_eq!(refusal.reason, "its headers lack include/config/auto.conf");
}

#[test]
fn headers_without_the_kernel_s_symbols_are_refused() {
    let root = tempfile::tempdir().unwrap();
    let build = make_installed(root.path(), "7.3.4-amd64", "");
    let can_build = || find(root.path()).unwrap().can_build();
    assert_eq!(can_build(), Ok(()));
    fs::write(build.join("Module.symvers"), "").unwrap();
    let refusal = can_build().unwrap_err();
    assert!(refusal.reason.contains("Module.symvers"), "{refusal}");
    assert!(refusal.mend.unwrap().starts_with("make modules where"));
    // A whole source tree can build the file itself.
    fs::create_dir(build.join("kernel")).unwrap();
    fs::write(build.join("kernel/fork.c"), "").unwrap();
    let mend = can_build().unwrap_err().mend.unwrap();
    assert!(
        mend.starts_with("make -C ") && mend.ends_with(" modules"),
        "{mend}"
    );
}

#[test]
fn headers_whose_tools_are_missing_or_of_another_machine_are_refused() {
    let root = tempfile::tempdir().unwrap();
    let build = make_installed(root.path(), "7.3.4-amd64", "");
    let modpost = build.join(TOOLS[1]);
    let mut program = fs::read("/proc/self/exe").unwrap();
    program.truncate(64);
    fs::write(&modpost, &program).unwrap();
    let can_build = || find(root.path()).unwrap().can_build();
    assert_eq!(can_build(), Ok(()));
    // The machine number of m68k.
    program[18..20].copy_from_slice(&4_u16.to_ne_bytes());
    fs::write(&modpost, &program).unwrap();
    let refusal = can_build().unwrap_err();
    assert!(
        refusal.reason.contains("not a program for this machine"),
        "{refusal}"
    );
    fs::remove_file(&modpost).unwrap();
    let refusal = can_build().unwrap_err();
    assert!(
        refusal.reason.ends_with("lack scripts/mod/modpost"),
        "{refusal}"
    );
}
