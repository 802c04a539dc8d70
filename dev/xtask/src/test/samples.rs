// SPDX-License-Identifier: GPL-2.0-only

//! Tests modules that others wrote: the kernel's own Rust samples and its null block device.
//! dkms-rust builds them out of tree, and guests load, check and unload them. This is done for each
//! kernel, with the rustc of its suite and with another one.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

use crate::debian::chroot::Chroot;
use crate::debian::setup::Setup;
use crate::debian::{modules, packaged};
use crate::guest::outcome::Outcome;
use crate::guest::small_guest::{Boot, USUAL};
use crate::host::{cargo, files, ui};

use super::tally::Tally;
use super::{newer_rustc, runtime};

const NAME: &str = "samples";

/// Where the samples are built.
const PLACE: &str = "/srv/samples";

/// Extracts the samples from linux-source. The null block device is a file or a directory,
/// depending on the version.
const UNPACK: &str = r#"
set -e; rm -rf "$place"; mkdir -p "$place"; cd "$place"
tar -x -I 'xz -T0' -f "$archive" --strip-components=1 --wildcards \
    '*/samples/rust/*' '*/drivers/block/rnull*'
if [ ! -d drivers/block/rnull ]; then
    mkdir drivers/block/rnull
    mv drivers/block/rnull.rs drivers/block/rnull
fi
printf 'obj-$(CONFIG_BLK_DEV_RUST_NULL) += rnull_mod.o\nrnull_mod-y := rnull.o\n' \
    >drivers/block/rnull/Makefile
cp -a drivers/block/rnull "$place/rnull_mod"
"#;

const RNULL: &str = "BLK_DEV_RUST_NULL";

/// Modules that some samples need: a file system for configuration, and an I2C adapter.
const THEIR_NEEDS: [&str; 2] = ["configfs", "i2c_stub"];

/// The device for the PCI driver among the samples.
const DEVICES: &[&str] = &["pci-testdev"];

/// What dkms-rust says about a module that can't be linked.
const UNEXPORTED: &str = "which the kernel does not export to modules";

/// A sample.
struct Sample {
    /// The option that enables it.
    option: String,
    /// The module's name.
    module: String,
}

/// Builds the samples, and boots each kernel with them.
pub fn run(setup: &Setup<'_>, caches: &[PathBuf], tally: &mut Tally) {
    let own = ui::step("prepare a root for the kernel's samples", || {
        runtime::open(setup, caches)
    });
    match own {
        Ok(chroot) => kernels(setup, &chroot, NAME, tally),
        Err(error) => tally.fail(&format!("{NAME}/open"), &format!("{error:#}")),
    }
    let name = format!("{NAME}-{}", newer_rustc::NAME);
    match newer_rustc::open(setup) {
        Ok(Some(chroot)) => kernels(setup, &chroot, &name, tally),
        Ok(None) => tally.skip(&name, "no other suite is named to take a rustc from"),
        Err(error) => tally.fail(&format!("{name}/open"), &format!("{error:#}")),
    }
}

fn kernels(setup: &Setup<'_>, chroot: &Chroot, name: &str, tally: &mut Tally) {
    for release in &setup.releases {
        let suite = format!("{name}/{release}");
        let booted = build(setup, chroot, release, &suite, tally)
            .and_then(|modules| boot(setup, chroot, release, modules, name));
        tally.guest(&suite, booted);
    }
}

/// Builds what the kernel's configuration allows. Each sample must be built, or refused with a
/// reason.
fn build(
    setup: &Setup<'_>,
    chroot: &Chroot,
    release: &str,
    suite: &str,
    tally: &mut Tally,
) -> Result<Vec<(String, Vec<u8>)>> {
    let place = format!("{PLACE}/{release}");
    let series: Vec<_> = release.split('.').take(2).collect();
    let archive = format!("/usr/src/linux-source-{}.tar.xz", series.join("."));
    let log = setup.project.log(NAME)?;
    chroot
        .sh(&format!("place='{place}'; archive='{archive}'; {UNPACK}"))
        .log(&log)
        .run()?;
    let way = packaged::check(chroot, release)?.way;
    let linked = way.as_deref() == Some("linked");
    let mut built = Vec::new();
    for sample in samples(chroot, &place, release)? {
        let Sample { option, module } = &sample;
        tally.case(&format!("{suite}/{module}"), || {
            let line = format!(
                "cd '{place}'; [ -d {module} ] || cp -a samples/rust {module}; cd {module}; \
                 dkms-rust make -k '{release}' -- CONFIG_{option}=m && strip -g *.ko"
            );
            let output = chroot.sh(&line).log(&log).try_run()?;
            if linked && !output.status.success() && output.text.contains(UNEXPORTED) {
                let why = output.text.lines().find(|line| line.contains(UNEXPORTED));
                ui::say(&format!("  {module}: refused: {}", why.unwrap_or_default()));
                return Ok(());
            }
            output.must_succeed("dkms-rust make")?;
            let file = format!("{place}/{module}/{module}.ko");
            let file = chroot.path().join(file.trim_start_matches('/'));
            built.push((format!("{module}.ko"), files::bytes(&file)?));
            Ok(())
        });
    }
    ensure!(!built.is_empty(), "none was built");
    Ok(built)
}

/// Returns the samples that the kernel's configuration allows.
fn samples(chroot: &Chroot, place: &str, release: &str) -> Result<Vec<Sample>> {
    let read = |path: String| files::text(&chroot.path().join(path.trim_start_matches('/')));
    let makefile = read(format!("{place}/samples/rust/Makefile"))?;
    let kconfig = read(format!("{place}/samples/rust/Kconfig"))?;
    let config = read(format!("/boot/config-{release}"))?;
    let mut all = of_makefile(&makefile);
    ensure!(!all.is_empty(), "the Makefile of the samples has none");
    all.retain(|sample| {
        let missing = needs(&kconfig, &sample.option).find(|need| !is_on(&config, need));
        if let Some(need) = &missing {
            ui::say(&format!("  {}: {release} has no {need}", sample.module));
        }
        missing.is_none()
    });
    all.push(Sample {
        option: RNULL.to_owned(),
        module: "rnull_mod".to_owned(),
    });
    Ok(all)
}

fn of_makefile(makefile: &str) -> Vec<Sample> {
    let of_line = |line: &str| {
        let (option, object) = line.strip_prefix("obj-$(CONFIG_")?.split_once(')')?;
        let module = object.split_once("+=")?.1.trim().strip_suffix(".o")?;
        Some(Sample {
            option: option.to_owned(),
            module: module.to_owned(),
        })
    };
    makefile.lines().filter_map(of_line).collect()
}

/// Returns what an option depends on and what it selects, as `OPTION` or `OPTION=y`.
fn needs(kconfig: &str, option: &str) -> impl Iterator<Item = String> {
    let head = format!("config {option}");
    let block = kconfig
        .lines()
        .skip_while(move |line| *line != head)
        .skip(1);
    let mut needs = Vec::new();
    for line in block.take_while(|line| !line.starts_with("config ")) {
        let line = line.trim();
        let words = line
            .strip_prefix("depends on ")
            .or_else(|| line.strip_prefix("select "));
        let terms = words.into_iter().flat_map(|words| words.split("&&"));
        needs.extend(terms.map(|term| term.split_whitespace().collect::<String>()));
    }
    needs.into_iter().filter(|need| need != "RUST")
}

fn is_on(config: &str, need: &str) -> bool {
    let on = |value: &str| {
        let option = need.split('=').next().unwrap_or(need);
        config
            .lines()
            .any(|line| line == format!("CONFIG_{option}={value}"))
    };
    on("y") || !need.ends_with("=y") && on("m")
}

fn boot(
    setup: &Setup<'_>,
    chroot: &Chroot,
    release: &str,
    mut all: Vec<(String, Vec<u8>)>,
    name: &str,
) -> Result<Outcome> {
    let needed = modules::collect(chroot.path(), release, &[], &THEIR_NEEDS)?;
    all.extend(needed.into_iter().map(|module| (module.name, module.bytes)));
    let all: Vec<_> = all
        .iter()
        .map(|(name, bytes)| (&**name, &bytes[..]))
        .collect();
    let guest = Boot {
        kernel: &setup.checks.kernel(release)?,
        program: &cargo::static_program(setup.project, "guest").context("the guest's program")?,
        modules: &all,
        programs: &[],
        words: "guest=samples",
        name: &format!("guest-{name}-{release}"),
        devices: DEVICES,
        size: USUAL,
    };
    ui::step(
        &format!("use the samples in a guest with {release}"),
        || guest.run(setup.project, &mut |_| {}),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_an_option_and_a_module() {
        let makefile = "ccflags-y += -I$(src)\n\nobj-$(CONFIG_SAMPLE_A)\t\t+= rust_a.o\n\
                        subdir-$(CONFIG_SAMPLE_H)\t+= hostprogs\n";
        let [Sample { option, module }] = &of_makefile(makefile)[..] else {
            panic!("there is one");
        };
        assert_eq!((&**option, &**module), ("SAMPLE_A", "rust_a"));
    }

    #[test]
    fn a_kernel_has_what_a_sample_depends_on_and_selects() {
        let kconfig = "config A\n\ttristate \"a\"\n\tdepends on RUST && FS\n\tdepends on USB = y\n\
                       \tselect BUS\n\n\tdepends on\nconfig B\n\tdepends on OTHER\n";
        let of_a: Vec<_> = needs(kconfig, "A").collect();
        assert_eq!(of_a, ["FS", "USB=y", "BUS"]);
        let config = "CONFIG_FS=m\nCONFIG_USB=m\n# CONFIG_BUS is not set\n";
        let on: Vec<_> = of_a.iter().map(|need| is_on(config, need)).collect();
        assert_eq!(on, [true, false, false]);
    }
}
