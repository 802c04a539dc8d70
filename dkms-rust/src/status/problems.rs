// SPDX-License-Identifier: GPL-2.0-only

//! What is wrong with a module: a sentence, and the mend.

use super::files::Files;
use super::module_file::ModuleFile;
use super::outcomes::{Outcome, Outcomes};
use super::place::Place;
use super::report::{Key, Kind, Load, Module, Problem};
use crate::build::info;

/// Returns all problems that keep the module from being loaded at the next boot or now. A cause
/// comes before its consequences.
pub fn of(
    place: &Place<'_>,
    files: &Files,
    content: Option<&ModuleFile>,
    module: &Module,
) -> Vec<Problem> {
    let mut found: Vec<Problem> = of_file(place, files, module).into_iter().collect();
    if module.file.is_some() {
        found.extend(of_content(place, content, module));
    }
    found.extend(of_boot(module));
    found.extend(of_loaded(module));
    found
}

fn problem(kind: Kind, text: String, mend: impl Into<Option<String>>) -> Problem {
    Problem {
        kind,
        text,
        mend: mend.into(),
    }
}

/// Returns a problem that a build mends. If no build is possible, it also has the reason, and the
/// mend of that.
fn to_build(place: &Place<'_>, kind: Kind, text: String, command: String) -> Problem {
    match place.refusal {
        None => problem(kind, text, command),
        Some((why, mend)) => {
            let text = format!("{text}; it can't be built: {why}");
            problem(kind, text, mend.map(str::to_owned))
        }
    }
}

fn of_file(place: &Place<'_>, files: &Files, module: &Module) -> Option<Problem> {
    let build = |option: &str| {
        let (package, version) = (&module.package, &module.version);
        format!(
            "dkms install {option}{package}/{version} -k {}",
            place.release
        )
    };
    let Some(file) = &module.file else {
        let Some(there) = files.there.first() else {
            if matches!(outcome(place, module), Some(Outcome::Excluded { .. })) {
                return None;
            }
            let text = match module.built {
                Some(_) => "built, but not installed".to_owned(),
                None => failed(place, module).unwrap_or_else(|| "not built".to_owned()),
            };
            return Some(to_build(place, Kind::Missing, text, build("")));
        };
        let there = place.system.shown(there);
        let text = format!("modprobe's index does not have {there}");
        let mend = format!("depmod {}", place.release);
        return Some(problem(Kind::Unindexed, text, mend));
    };
    match &module.installed {
        Some(version) if *version != module.version => {
            let text = format!("built from {version}, the source is {}", module.version);
            Some(to_build(place, Kind::Stale, text, build("--force ")))
        }
        Some(_) => None,
        None => Some(not_dkmss(place, files, file, module, build("--force "))),
    }
}

/// Returns the recorded result of the package's last build, if there is one.
fn outcome(place: &Place<'_>, module: &Module) -> Option<Outcome> {
    let mut outcomes = Outcomes::load(place.system, &module.package)?;
    outcomes.kernels.remove(place.release.as_str())
}

/// Describes how the build failed, if it did.
fn failed(place: &Place<'_>, module: &Module) -> Option<String> {
    match outcome(place, module)? {
        Outcome::Failed { why, log, .. } => {
            let all = log.map_or(String::new(), |log| format!(" (complete log: {log})"));
            Some(format!("not built, the build failed: {why}{all}"))
        }
        Outcome::Built { .. } | Outcome::Refused { .. } | Outcome::Excluded { .. } => None,
    }
}

/// Returns the problem of a module whose file dkms did not build.
fn not_dkmss(
    place: &Place<'_>,
    files: &Files,
    file: &str,
    module: &Module,
    build: String,
) -> Problem {
    let own = files
        .there
        .iter()
        .find(|file| files.version(file).is_some());
    match own {
        Some(own) => {
            let own = place.system.shown(own);
            let text = format!("modprobe loads {file} instead of {own}");
            let mend = format!("rm {file}; depmod {}", place.release);
            problem(Kind::Shadowed, text, mend)
        }
        None if module.built.is_some() => {
            let text = format!("{file} has changed since dkms built it");
            to_build(place, Kind::Altered, text, build)
        }
        None => {
            let text = format!("not built; modprobe loads {file}, which is not from dkms");
            to_build(place, Kind::Missing, text, build)
        }
    }
}

fn of_content(place: &Place<'_>, content: Option<&ModuleFile>, module: &Module) -> Option<Problem> {
    let (package, version, release) = (&module.package, &module.version, place.release);
    // dkms signs when it builds, so `dkms install` alone is not enough.
    let again = format!(
        "dkms build --force {package}/{version} -k {release} && \
         dkms install --force {package}/{version} -k {release}"
    );
    let built_for = content?.release.as_deref();
    if built_for != Some(release.as_str()) {
        let built_for = built_for.unwrap_or("no kernel");
        let text = format!("built for {built_for}");
        return Some(to_build(place, Kind::WrongKernel, text, again));
    }
    if let Some(text) = other_headers(place, content?) {
        return Some(to_build(place, Kind::OtherHeaders, text, again));
    }
    if place.signer.report.enforced != Some(true) || module.loadable != Some(false) {
        return None;
    }
    if module.signed == Some(false) {
        let text = "not signed, but the kernel loads only signed modules".to_owned();
        let mend = match place.signer.report.key {
            // Without openssl dkms can't make a key.
            Key::None => format!("apt install openssl && {again}"),
            _ => again,
        };
        return Some(problem(Kind::Unsigned, text, mend));
    }
    let by = module.signer.as_deref().unwrap_or("unknown signer");
    let certificate = place.signer.report.certificate.as_deref();
    let certificate = certificate.unwrap_or("/var/lib/dkms/mok.pub");
    let (text, mend) = match place.signer.report.key {
        Key::Pending => (
            "waits to be enrolled",
            "reboot, and confirm the key on the console (Enroll MOK)".to_owned(),
        ),
        Key::Enrolled => (
            "is enrolled, but the running kernel does not have it",
            "reboot; if that does not help, this kernel accepts no machine owner keys".to_owned(),
        ),
        _ => (
            "is not enrolled",
            format!("mokutil --import {certificate}, reboot, and confirm the key on the console"),
        ),
    };
    let text = format!("the kernel does not know the key of its signature ({by}): it {text}");
    Some(problem(Kind::Untrusted, text, mend))
}

/// Returns a sentence if the module was built against other headers than the installed ones.
fn other_headers(place: &Place<'_>, file: &ModuleFile) -> Option<String> {
    let headers = place.headers.as_ref()?;
    let info = info::parse(file.built.as_deref()?)?;
    if info.headers == headers.fingerprint {
        return None;
    }
    let differs = |(name, crc): &&(String, Option<u64>)| {
        let now = headers.exported.get(name.as_str());
        now.is_some_and(|now| crc.is_some_and(|crc| crc != *now))
    };
    let count = file.needs.iter().filter(differs).count();
    let of = file.needs.len();
    let known = file.needs.iter().any(|(_, crc)| crc.is_some());
    Some(match (known, count) {
        (true, 0) => format!(
            "built against other headers of this kernel; the CRCs of the {of} symbols that it \
             needs are the same"
        ),
        (true, _) => format!(
            "built against other headers of this kernel: {count} of the {of} symbols that it needs \
             have different CRCs"
        ),
        (false, _) => format!(
            "built against other headers of this kernel, which has no CRCs to tell which of the \
             {of} symbols that it needs have changed"
        ),
    })
}

fn of_boot(module: &Module) -> Option<Problem> {
    let by = module.autoload.by.as_deref().unwrap_or_default();
    match module.autoload.how {
        Load::Masked => {
            let text = format!("{by} keeps it from being loaded at boot");
            Some(problem(Kind::Masked, text, format!("rm {by}")))
        }
        Load::Blacklisted => {
            let text = format!("blacklisted by {by}");
            Some(problem(
                Kind::Blacklisted,
                text,
                "remove that entry".to_owned(),
            ))
        }
        Load::Named | Load::Device | Load::Nothing => None,
    }
}

fn of_loaded(module: &Module) -> Option<Problem> {
    let name = &module.module;
    if module.loaded == Some(true) && module.current == Some(false) {
        let text = "the loaded module is not the one in the file".to_owned();
        let mend = format!("modprobe -r {name} && modprobe {name}");
        return Some(problem(Kind::Outdated, text, mend));
    }
    let should = module.autoload.how == Load::Named && module.at_boot == Some(true);
    if module.loaded == Some(false) && should {
        let text = "not loaded now, but will be at boot".to_owned();
        return Some(problem(Kind::NotLoaded, text, format!("modprobe {name}")));
    }
    None
}
