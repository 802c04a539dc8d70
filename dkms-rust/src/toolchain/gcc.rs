// SPDX-License-Identifier: GPL-2.0-only

//! Finds the gcc for a kernel that gcc built.

use crate::kernel::headers::Kernel;
use crate::kernel::refusal::Refusal;
use crate::system::dpkg;
use crate::system::run::answer;
use crate::toolchain::built_by::{Built, is_plain};
use crate::toolchain::programs::{find, named};
use std::fs;
use std::process::Command;

/// Returns make's arguments for a gcc of the major version that built the kernel.
///
/// # Errors
///
/// A refusal that says what to install.
pub fn make_args(kernel: &Kernel, built: &Built) -> Result<Vec<String>, Refusal> {
    let kbuilds = kbuilds(kernel);
    let Some(major) = built.major else {
        return match find(&kbuilds) {
            Some(_) => Ok(arguments(&kbuilds, &kbuilds, false)),
            None => Err(no_gcc(kernel, built)),
        };
    };
    let machine = gnu_machine(kernel);
    let mut candidates = vec![kbuilds.clone()];
    candidates.extend(built.name.clone());
    candidates.extend(machine.map(|machine| format!("{machine}-linux-gnu-gcc-{major}")));
    candidates.extend(machine.map(|machine| format!("{machine}-linux-gnu-gcc")));
    candidates.extend([format!("gcc-{major}"), "gcc".to_owned()]);
    let fits = |name: &String| {
        find(name).is_some_and(|path| {
            let ask = |question| answer(Command::new(&path).arg(question));
            let version = ask("-dumpversion");
            version.is_some_and(|version| version.split('.').next() == Some(&major.to_string()))
                && ask("-dumpmachine").is_some_and(|made_for| is_for(machine, &made_for))
        })
    };
    match candidates.into_iter().find(fits) {
        Some(name) => Ok(arguments(&name, &kbuilds, is_native(machine))),
        None => Err(no_gcc(kernel, built)),
    }
}

/// Builds the arguments for the gcc `name`; kbuild by itself would choose `kbuilds`.
fn arguments(name: &str, kbuilds: &str, native: bool) -> Vec<String> {
    let mut args = Vec::new();
    if name != kbuilds {
        args.push(format!("CC={name}"));
    }
    // kbuild uses gcc for programs that run on this machine.
    if find("gcc").is_none() {
        let versioned = named("gcc").into_iter().next();
        let host = versioned.map(|gcc| gcc.display().to_string());
        let host = host.or_else(|| native.then(|| name.to_owned()));
        args.extend(host.map(|host| format!("HOSTCC={host}")));
    }
    args
}

fn no_gcc(kernel: &Kernel, built: &Built) -> Refusal {
    let major = built
        .major
        .map(|major| format!("-{major}"))
        .unwrap_or_default();
    let why = format!(
        "it was built by {:?}, but gcc{major} for its machine is not installed",
        built.text
    );
    let machine = gnu_machine(kernel);
    let package = match machine {
        Some(machine) if !is_native(Some(machine)) => {
            format!("gcc{major}-{}-linux-gnu", machine.replace('_', "-"))
        }
        _ => format!("gcc{major}"),
    };
    let system = &kernel.system;
    let mend = dpkg::install(system, &[&package])
        .or_else(|| {
            let owner = dpkg::owner_of(system, &system.at("usr/bin").join(kbuilds(kernel)))?;
            dpkg::reinstall(system, &[&owner])
        })
        .unwrap_or_else(|| {
            format!("install gcc{major} for its machine (none of apt's sources has {package})")
        });
    Refusal::new(&kernel.release, why, mend)
}

/// Returns the gcc that kbuild uses by default: Debian's headers name one in `.kernelvariables`.
fn kbuilds(kernel: &Kernel) -> String {
    let file = kernel.build.join(".kernelvariables");
    let text = fs::read_to_string(file).unwrap_or_default();
    let value = |variable: &str| {
        text.lines().find_map(|line| {
            let (name, value) = line.split_once('=')?;
            let name = name.trim_end_matches([':', '?']).trim();
            (name == variable || name.strip_prefix("override ").map(str::trim) == Some(variable))
                .then(|| value.trim())
        })
    };
    let prefix = value("CROSS_COMPILE").unwrap_or_default();
    let name = value("CC")
        .and_then(|value| value.rsplit([' ', ')']).next())
        .unwrap_or("gcc");
    let name = format!("{prefix}{name}");
    if is_plain(&name) { name } else { "gcc".into() }
}

/// Returns the first part of the GNU triplet of the kernel's machine.
pub fn gnu_machine(kernel: &Kernel) -> Option<&'static str> {
    match kernel.srcarch()?.as_str() {
        "x86" if kernel.config.is_on("X86_32") => Some("i686"),
        "x86" => Some("x86_64"),
        "arm64" => Some("aarch64"),
        "riscv" if kernel.config.is_on("64BIT") => Some("riscv64"),
        "loongarch" => Some("loongarch64"),
        _ => None,
    }
}

/// Returns whether programs for a machine run here.
pub fn is_native(machine: Option<&str>) -> bool {
    machine.is_none_or(|machine| machine == std::env::consts::ARCH)
}

/// Returns whether a gcc that was made for one machine serves the kernel's machine.
fn is_for(machine: Option<&str>, made_for: &str) -> bool {
    let made_for = made_for.split('-').next().unwrap_or_default();
    match machine {
        // A gcc for either of them compiles for both.
        Some("i686" | "x86_64") => made_for == "x86_64" || made_for.ends_with("86"),
        Some(machine) => made_for == machine,
        None => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toolchain::compiler::tests::kernel;

    #[test]
    fn kbuild_s_own_choice_is_read_from_debian_s_variables() {
        let debian = "override ARCH = x86\nCCACHE = ccache\n\
                      CC = $(if $(DEBIAN_KERNEL_USE_CCACHE),$(CCACHE)) $(CROSS_COMPILE)gcc-14\n\
                      override CROSS_COMPILE = x86_64-linux-gnu-\n";
        assert_eq!(kbuilds(&kernel("", debian).1), "x86_64-linux-gnu-gcc-14");
        assert_eq!(kbuilds(&kernel("", "").1), "gcc");
        assert_eq!(kbuilds(&kernel("", "CC = /home/u/gcc\n").1), "gcc");
    }

    #[test]
    fn a_gcc_serves_only_the_machine_that_it_was_made_for() {
        assert!(is_for(Some("x86_64"), "x86_64-linux-gnu"));
        assert!(!is_for(Some("aarch64"), "x86_64-linux-gnu"));
        assert!(is_for(None, "anything"));
    }
}
