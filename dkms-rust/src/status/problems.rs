// SPDX-License-Identifier: GPL-2.0-only

//! What is wrong with a module: a sentence, and the mend.

use super::files::ModuleFiles;
use super::module_file::ModuleFile;
use super::outcomes::{Outcome, Outcomes};
use super::place::Place;
use super::prebuilt::package_name;
use super::report::{DKMS, Key, Kind, Load, Module, Problem};
use super::signing::Signer;
use crate::build::info;

/// What was found out about a module.
pub struct Looked<'a> {
    /// Its files.
    pub files: &'a ModuleFiles,
    /// The content of the file that modprobe loads.
    pub content: Option<&'a ModuleFile>,
    /// What is known about the key that signs it.
    pub signer: &'a Signer,
    /// Whether its source is here.
    pub source: bool,
    /// The rest.
    pub module: &'a Module,
}

/// Returns all problems that keep the module from being loaded at the next boot or now. A cause
/// comes before its consequences.
pub fn of(place: &Place<'_>, looked: &Looked<'_>) -> Vec<Problem> {
    let module = looked.module;
    let mut found: Vec<Problem> = looked.of_file(place).into_iter().collect();
    if module.file.is_some() {
        found.extend(looked.of_content(place));
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

impl Looked<'_> {
    /// Whether the module comes, or has to come, from a package of prebuilt modules.
    fn is_prebuilt(&self) -> bool {
        let from = self.module.from.as_deref();
        from.map_or(!self.source, |from| from != DKMS)
    }

    /// Returns a problem that another file mends. dkms's `command` builds it. If no build is
    /// possible, the problem also has the reason, and the mend of that.
    fn to_replace(&self, place: &Place<'_>, kind: Kind, text: String, command: &str) -> Problem {
        if self.is_prebuilt() {
            let package = package_name(&self.module.package, place.release.as_str());
            let how = match self.module.from {
                Some(_) => "install --reinstall",
                None => "install",
            };
            return problem(kind, text, format!("apt {how} {package}"));
        }
        match place.refusal {
            None => problem(kind, text, command.to_owned()),
            Some((why, mend)) => {
                let text = format!("{text}; it can't be built: {why}");
                problem(kind, text, mend.map(str::to_owned))
            }
        }
    }

    fn of_file(&self, place: &Place<'_>) -> Option<Problem> {
        let module = self.module;
        let build = |option: &str| {
            let (package, version) = (&module.package, &module.version);
            format!(
                "dkms install {option}{package}/{version} -k {}",
                place.release
            )
        };
        let Some(file) = &module.file else {
            let Some(there) = self.files.there.first() else {
                return self.of_no_file(place, &build(""));
            };
            let there = place.system.shown(there);
            let text = format!("modprobe's index does not have {there}");
            let mend = format!("depmod {}", place.release);
            return Some(problem(Kind::Unindexed, text, mend));
        };
        match &module.installed {
            Some(version) if *version != module.version => {
                let text = match self.source {
                    true => format!("built from {version}, but the source is {}", module.version),
                    false => format!(
                        "version {version}, but another kernel has {}",
                        module.version
                    ),
                };
                Some(self.to_replace(place, Kind::Stale, text, &build("--force ")))
            }
            Some(_) => None,
            None => Some(self.not_dkmss(place, file, &build("--force "))),
        }
    }

    fn of_no_file(&self, place: &Place<'_>, build: &str) -> Option<Problem> {
        let module = self.module;
        if matches!(outcome(place, module), Some(Outcome::Excluded { .. })) {
            return None;
        }
        let text = match module.built {
            _ if self.is_prebuilt() => "no package has it for this kernel".to_owned(),
            Some(_) => "built, but not installed".to_owned(),
            None => failed(place, module).unwrap_or_else(|| "not built".to_owned()),
        };
        Some(self.to_replace(place, Kind::Missing, text, build))
    }

    /// Returns the problem of a module whose file dkms did not build.
    fn not_dkmss(&self, place: &Place<'_>, file: &str, build: &str) -> Problem {
        let mut there = self.files.there.iter();
        let own = there.find(|file| self.files.version(file).is_some());
        match own {
            Some(own) => {
                let own = place.system.shown(own);
                let text = format!("modprobe loads {file} instead of {own}");
                let mend = format!("rm {file}; depmod {}", place.release);
                problem(Kind::Shadowed, text, mend)
            }
            None if self.module.built.is_some() => {
                let text = format!("{file} has changed since dkms built it");
                self.to_replace(place, Kind::Altered, text, build)
            }
            None => {
                let text = format!("not built; modprobe loads {file}, which is not from dkms");
                self.to_replace(place, Kind::Missing, text, build)
            }
        }
    }

    fn of_content(&self, place: &Place<'_>) -> Option<Problem> {
        let module = self.module;
        let (package, version, release) = (&module.package, &module.version, place.release);
        // dkms signs when it builds, so `dkms install` alone is not enough.
        let again = format!(
            "dkms build --force {package}/{version} -k {release} && \
             dkms install --force {package}/{version} -k {release}"
        );
        let built_for = self.content?.release.as_deref();
        if built_for != Some(release.as_str()) {
            let built_for = built_for.unwrap_or("no kernel");
            let text = format!("built for {built_for}");
            return Some(self.to_replace(place, Kind::WrongKernel, text, &again));
        }
        if let Some(text) = other_headers(place, self.content?) {
            return Some(self.to_replace(place, Kind::OtherHeaders, text, &again));
        }
        if self.signer.report.enforced != Some(true) || module.loadable != Some(false) {
            return None;
        }
        if module.signed == Some(false) {
            let text = "not signed, but the kernel loads only signed modules".to_owned();
            let mend = match self.signer.report.key {
                _ if self.is_prebuilt() => None,
                // Without openssl dkms can't make a key.
                Key::None => Some(format!("apt install openssl && {again}")),
                _ => Some(again),
            };
            return Some(problem(Kind::Unsigned, text, mend));
        }
        Some(self.untrusted())
    }

    fn untrusted(&self) -> Problem {
        let by = self.module.signer.as_deref().unwrap_or("unknown signer");
        let certificate = self.signer.report.certificate.clone();
        // A package may have no certificate.
        let dkmss = (!self.is_prebuilt()).then(|| "/var/lib/dkms/mok.pub".to_owned());
        let enroll = |certificate| {
            format!("mokutil --import {certificate}, reboot, and confirm the key on the console")
        };
        let (text, mend) = match self.signer.report.key {
            Key::Pending => (
                "waits to be enrolled",
                Some("reboot, and confirm the key on the console (Enroll MOK)".to_owned()),
            ),
            Key::Enrolled => (
                "is enrolled, but the running kernel does not have it",
                Some(
                    "reboot; if that does not help, this kernel accepts no machine owner keys"
                        .to_owned(),
                ),
            ),
            _ => ("is not enrolled", certificate.or(dkmss).map(enroll)),
        };
        let text = format!("the kernel does not know the key of its signature ({by}): it {text}");
        problem(Kind::Untrusted, text, mend)
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
        Outcome::Built { .. }
        | Outcome::Prebuilt { .. }
        | Outcome::Refused { .. }
        | Outcome::Excluded { .. } => None,
    }
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
