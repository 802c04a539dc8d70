// SPDX-License-Identifier: GPL-2.0-only

//! Explains why the running kernel rejects a module, and what to type so that it accepts it.

use super::origin::Origin;
use super::say::Voice;
use crate::status::module_file::ModuleFile;
use crate::system::System;
use std::fs;
use std::path::Path;

/// Explains modprobe's output (`said`) about the module in `file`, if the signature is the reason.
pub fn explain(system: &System, voice: &Voice, origin: Origin<'_>, file: &Path, said: &str) {
    if is_refused(system, said) {
        advise(system, voice, origin, file);
    }
}

/// Whether the running kernel would refuse the module in `file` because of its signature. Returns
/// `false` if that can't be told.
pub fn would_be_refused(system: &System, origin: Origin<'_>, file: &Path) -> bool {
    let signer = origin.signer(system);
    let Ok(file) = ModuleFile::read(file) else {
        return false;
    };
    let trusted = match &file.signature {
        Some(signature) => signer.trusts(signature),
        None => Some(false),
    };
    signer.report.enforced == Some(true) && trusted == Some(false)
}

/// Explains what to type so that the kernel accepts the signature of the module in `file`.
pub fn advise(system: &System, voice: &Voice, origin: Origin<'_>, file: &Path) {
    voice.say(
        "the kernel loads only modules that are signed with a key it knows (Secure Boot, lockdown \
         or module.sig_enforce).",
    );
    let signed = ModuleFile::read(file).is_ok_and(|file| file.signature.is_some());
    if !signed {
        return match origin {
            Origin::Dkms(source) => {
                voice.say("This one is not signed: dkms needs openssl to make a key. Type");
                voice.say(format!("    apt install openssl && {}", source.again()));
            }
            Origin::Prebuilt(prebuilt) => voice.say(format!(
                "This one is not signed; only those who build {} can change that.",
                prebuilt.package
            )),
        };
    }
    let certificate = origin.signer(system).report.certificate;
    let (whose, certificate) = match origin {
        Origin::Dkms(_) => {
            let usual = || "/var/lib/dkms/mok.pub".to_owned();
            ("dkms's key", certificate.unwrap_or_else(usual))
        }
        Origin::Prebuilt(prebuilt) => match certificate {
            Some(certificate) => ("the key of those who built it", certificate),
            None => {
                return voice.say(format!(
                    "This one is signed with a key that the kernel does not know, and {} does not \
                     have its certificate.",
                    prebuilt.package
                ));
            }
        },
    };
    voice.say(format!(
        "This one is signed with {whose}, which the kernel does not know. To enroll it, type"
    ));
    if system.program("mokutil").is_none() {
        voice.say("    apt install mokutil");
    }
    voice.say(format!("    mokutil --import {certificate}"));
    voice.say(
        "and choose a password; reboot; on the console choose Enroll MOK and type the password.",
    );
    voice.say(
        "From then on the module is loaded at boot. `dkms-rust status` shows the state of the key.",
    );
}

/// Whether modprobe's output means that the key was rejected. Under lockdown the kernel only
/// returns EPERM.
fn is_refused(system: &System, said: &str) -> bool {
    let lockdown = || {
        let levels = fs::read_to_string(system.at("sys/kernel/security/lockdown"));
        levels.is_ok_and(|levels| !levels.contains("[none]"))
    };
    ["Key was rejected", "Required key"]
        .iter()
        .any(|words| said.contains(words))
        || said.contains("Operation not permitted") && lockdown()
}
