// SPDX-License-Identifier: GPL-2.0-only

//! Test suites from other projects in a guest: Debian programs with the libraries that they need,
//! and the kernel's selftests for procfs, compiled from linux-source.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::debian::chroot::Chroot;
use crate::debian::layers;
use crate::debian::root::Root;
use crate::debian::setup::Setup;
use crate::guest::outcome::{Outcome, show_cases};
use crate::guest::small_guest::{self, Boot, Size};
use crate::host::project::Project;
use crate::host::{cargo, files, ui};

use super::native::Built;
use super::tally::Tally;

/// The programs, with the paths that the guest's cases use.
const PROGRAMS: &[&str] = &["/usr/bin/stress-ng", "/usr/bin/trinity"];

/// Where the selftests are built, and where the guest finds them.
const BUILT: &str = "/srv/selftests";
const SELFTESTS: &str = "suites/proc";

/// Compiles each file of the directory separately, as the kernel's Makefile does. Links statically,
/// because the guest has only the libraries of the programs above.
const COMPILE: &str = r#"
cd tools/testing/selftests/proc
for source in *.c; do
    gcc-14 -static -Wall -O2 -Wno-unused-function -D_GNU_SOURCE -pthread -I.. -I../../../include \
        "$source" -o "../../../../${source%.c}"
done
"#;

/// The parameters of the suites, and the guest's memory and time limit.
const WORDS: &str = "guest=foreign guest.patience=4 guest.seconds=60";
const SIZE: Size = Size {
    memory: 1024,
    timeout: Duration::from_secs(3600),
};

/// Boots the first kernel with these suites.
pub fn run(setup: &Setup<'_>, modules: &[Built], tally: &mut Tally) {
    match modules.first().map(|built| boot(setup, built)) {
        Some(outcome) => tally.guest("foreign", outcome),
        None => tally.skip("foreign", "no module was built"),
    }
}

fn boot(setup: &Setup<'_>, built: &Built) -> Result<Outcome> {
    const NAME: &str = "guest-foreign";
    let project = setup.project;
    let guest = Boot {
        kernel: &setup.checks.kernel(&built.release)?,
        program: &cargo::static_program(project, "guest")?,
        modules: &[(small_guest::DRIVER, &built.module)],
        programs: &programs(project, &setup.base)?,
        words: WORDS,
        name: NAME,
        devices: &[],
        size: SIZE,
    };
    let what = format!("run others' suites in a guest with {}", built.release);
    ui::step(&what, || guest.run(project, &mut show_cases("")))
}

/// Returns all files that the guest's suites need: paths in the guest, and contents.
fn programs(project: &Project, root: &Root) -> Result<Vec<(String, Vec<u8>)>> {
    let root = layers::with_foreign_suites(project, root)?;
    let chroot = Chroot::new(project, &root)?;
    let mut files = Vec::new();
    for path in needed(&chroot)? {
        let path = path.trim_start_matches('/').to_owned();
        files.push((path.clone(), read(&chroot, &path)?));
    }
    let log = project.log("selftests")?;
    let line = format!(
        "set -e; mkdir {BUILT}; cd {BUILT}; tar -x -I 'xz -T0' -f {} --strip-components=1 \
         --wildcards '*/tools/testing/selftests/proc/*' '*/tools/testing/selftests/*.h' \
         '*/tools/include/*'; {COMPILE}",
        root.linux_source()?
    );
    ui::step("compile the kernel's selftests for procfs", || {
        chroot.sh(&line).log(&log).run()
    })?;
    let names = chroot
        .sh(&format!(
            "cd {BUILT}; find . -maxdepth 1 -type f -printf '%P\\n'"
        ))
        .run()?
        .text;
    for name in names.lines() {
        let bytes = read(
            &chroot,
            &format!("{}/{name}", BUILT.trim_start_matches('/')),
        )?;
        files.push((format!("{SELFTESTS}/{name}"), bytes));
    }
    Ok(files)
}

/// Returns the paths of the programs, and of all libraries that ldd prints for them.
fn needed(chroot: &Chroot) -> Result<BTreeSet<String>> {
    let text = chroot.cmd("ldd").args(PROGRAMS).run()?.text;
    let libraries = libraries(&text);
    ensure!(!libraries.is_empty(), "ldd shows no libraries but: {text}");
    let programs = PROGRAMS.iter().map(|&program| program.to_owned());
    Ok(programs.chain(libraries).collect())
}

fn libraries(ldd: &str) -> BTreeSet<String> {
    ldd.split_whitespace()
        .filter(|word| word.starts_with('/') && !word.ends_with(':'))
        .map(str::to_owned)
        .collect()
}

fn read(chroot: &Chroot, path: &str) -> Result<Vec<u8>> {
    let path = chroot.path().join(Path::new(path));
    files::bytes(&path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_library_is_taken_once_and_the_loader_too() {
        let ldd = "/usr/bin/a:\n\tlinux-vdso.so.1 (0x1)\n\tlibc.so.6 => /lib/libc.so.6 (0x2)\n\
                   \t/lib64/ld-linux.so.2 (0x3)\n/usr/bin/b:\n\tlibc.so.6 => /lib/libc.so.6 (0x2)\n";
        let libraries: Vec<_> = libraries(ldd).into_iter().collect();
        assert_eq!(libraries, ["/lib/libc.so.6", "/lib64/ld-linux.so.2"]);
    }
}
