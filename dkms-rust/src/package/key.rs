// SPDX-License-Identifier: GPL-2.0-only

//! Explains why the running kernel rejects a module, and what to type so that it accepts it.

use super::dkms::program;
use super::say::Voice;
use super::source::Source;
use crate::status::module_file::ModuleFile;
use crate::status::signing::Signer;
use crate::system::System;
use std::fs;
use std::path::Path;

/// Explains modprobe's output (`said`) about the module in `file`, if the signature is the reason.
pub fn explain(system: &System, voice: &Voice, source: &Source, file: &Path, said: &str) {
    if is_refused(system, said) {
        advise(system, voice, source, file);
    }
}

/// Whether the running kernel would refuse the module in `file` because of its signature. Returns
/// `false` if that can't be told.
pub fn would_be_refused(system: &System, file: &Path) -> bool {
    let signer = Signer::find(system);
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
pub fn advise(system: &System, voice: &Voice, source: &Source, file: &Path) {
    voice.say(
        "the kernel loads only modules that are signed with a key it knows (Secure Boot, lockdown \
         or module.sig_enforce).",
    );
    let signed = ModuleFile::read(file).is_ok_and(|file| file.signature.is_some());
    if !signed {
        voice.say("This one is not signed: dkms needs openssl to make a key. Type");
        return voice.say(format!("    apt install openssl && {}", source.again()));
    }
    let certificate = Signer::find(system).report.certificate;
    let certificate = certificate.as_deref().unwrap_or("/var/lib/dkms/mok.pub");
    voice.say(
        "This one is signed with dkms's key, which the kernel does not know. To enroll it, type",
    );
    if program(system, "mokutil").is_none() {
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
