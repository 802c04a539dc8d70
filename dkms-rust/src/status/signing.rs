// SPDX-License-Identifier: GPL-2.0-only

//! Whether the running kernel wants signed modules, what dkms signs with, and who knows that key.

use super::module_file::find;
use super::report::{Key, Signing};
use crate::system::System;
use std::fs;
use std::path::PathBuf;

/// Variables of the firmware: attributes of four bytes, then the value.
const SECURE_BOOT: &str =
    "sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
const MOK_NEW: &str = "sys/firmware/efi/efivars/MokNew-605dab50-e046-4300-abb6-3dd810dd8b23";

/// The machine owner's keys, as shim hands them to the kernel.
const MOK_LIST: &str = "sys/firmware/efi/mok-variables/MokListRT";

/// dkms's default certificate, and that which Ubuntu's dkms takes.
const CERTIFICATES: [&str; 2] = ["var/lib/shim-signed/mok/MOK.der", "var/lib/dkms/mok.pub"];

/// What is known of signing here.
pub struct Signer {
    /// For the report.
    pub report: Signing,
    certificate: Option<Certificate>,
}

impl Signer {
    /// Looks.
    pub fn find(system: &System) -> Self {
        let path = certificate_path(system);
        let certificate = fs::read(&path).ok().and_then(Certificate::parse);
        let secure_boot = secure_boot(system);
        let report = Signing {
            secure_boot,
            enforced: enforced(system, secure_boot),
            key: match &certificate {
                Some(certificate) => known(system, certificate),
                None if path.exists() => Key::Unknown,
                None => Key::None,
            },
            certificate: path.exists().then(|| system.shown(&path)),
        };
        Self {
            report,
            certificate,
        }
    }

    /// Whether the running kernel trusts who made this signature; only of dkms's own key this can
    /// be told.
    pub fn trusts(&self, signature: &[u8]) -> Option<bool> {
        let certificate = self.certificate.as_ref()?;
        find(signature, &certificate.serial)?;
        match self.report.key {
            Key::Trusted => Some(true),
            Key::Enrolled | Key::Pending | Key::Absent => Some(false),
            Key::None | Key::Unknown => None,
        }
    }
}

/// Where dkms has its certificate: dkms's setting goes before the defaults.
fn certificate_path(system: &System) -> PathBuf {
    if let Some(path) = system.dkms_setting("mok_certificate") {
        return system.at(path.trim_start_matches('/'));
    }
    let [ubuntu, usual] = CERTIFICATES.map(|path| system.at(path));
    if ubuntu.exists() { ubuntu } else { usual }
}

fn secure_boot(system: &System) -> Option<bool> {
    if !system.at("sys/firmware/efi").exists() {
        // Not booted by UEFI; without /sys it can't be told.
        return system.at("sys/firmware").exists().then_some(false);
    }
    let value = fs::read(system.at(SECURE_BOOT)).ok()?;
    Some(*value.get(4)? == 1)
}

/// By the module parameter, or by lockdown, which comes with Secure Boot.
fn enforced(system: &System, secure_boot: Option<bool>) -> Option<bool> {
    let parameter = fs::read_to_string(system.at("sys/module/module/parameters/sig_enforce")).ok();
    let parameter = parameter.map(|value| value.trim() == "Y");
    let lockdown = fs::read_to_string(system.at("sys/kernel/security/lockdown")).ok();
    let lockdown = lockdown.map(|levels| !levels.contains("[none]"));
    match (parameter, lockdown) {
        (Some(true), _) | (_, Some(true)) => Some(true),
        (Some(false), Some(false)) => Some(false),
        // securityfs is not mounted; Debian's kernels lock down exactly under Secure Boot.
        (Some(false), None) => secure_boot,
        (None, _) => None,
    }
}

fn known(system: &System, certificate: &Certificate) -> Key {
    let has = |list: &str| {
        let list = fs::read(system.at(list)).ok();
        list.map(|list| find(&list, &certificate.der).is_some())
    };
    let in_kernel = in_kernel(system, certificate);
    if in_kernel == Some(true) {
        Key::Trusted
    } else if has(MOK_LIST) == Some(true) {
        Key::Enrolled
    } else if has(MOK_NEW) == Some(true) {
        Key::Pending
    } else if in_kernel == Some(false) {
        Key::Absent
    } else {
        Key::Unknown
    }
}

/// Whether the kernel's keys have it; only root sees them.
fn in_kernel(system: &System, certificate: &Certificate) -> Option<bool> {
    let id: String = certificate
        .key_id
        .as_ref()?
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let keys = fs::read_to_string(system.at("proc/keys")).ok()?;
    let mut certificates = keys
        .lines()
        .filter(|line| line.contains(" asymmetri "))
        .peekable();
    certificates.peek()?;
    Some(certificates.any(|line| line.contains(&id)))
}

/// An X.509 certificate, as far as it is needed.
struct Certificate {
    der: Vec<u8>,
    /// Its number, as a signature names it: with its tag and length.
    serial: Vec<u8>,
    /// The subject's key identifier, by which the kernel names it.
    key_id: Option<Vec<u8>>,
}

impl Certificate {
    fn parse(der: Vec<u8>) -> Option<Self> {
        let (_, certificate, _) = element(&der)?;
        let (_, body, _) = element(certificate)?;
        // The version may be left out; its tag is no number's.
        let (tag, _, rest) = element(body)?;
        let body = if tag == 0xa0 { rest } else { body };
        let (tag, number, rest) = element(body)?;
        if tag != 2 || number.len() < 8 {
            return None;
        }
        let serial = body[..body.len() - rest.len()].to_vec();
        let key_id = key_id(&der).map(<[u8]>::to_vec);
        Some(Self {
            serial,
            key_id,
            der,
        })
    }
}

/// The extension 2.5.29.14: an octet string in an octet string.
fn key_id(der: &[u8]) -> Option<&[u8]> {
    const KEY_ID: &[u8] = b"\x06\x03\x55\x1d\x0e";
    let place = find(der, KEY_ID)? + KEY_ID.len();
    let (_, outer, _) = element(&der[place..])?;
    let (tag, inner, _) = element(outer)?;
    (tag == 4).then_some(inner)
}

/// The first element of DER: its tag, what is in it, and what follows it.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = der.split_first()?;
    let (first, mut rest) = rest.split_first()?;
    let mut length = usize::from(*first);
    if *first >= 0x80 {
        let count = usize::from(first & 0x7f);
        if count > 4 {
            return None;
        }
        length = 0;
        let bytes;
        (bytes, rest) = rest.split_at_checked(count)?;
        for byte in bytes {
            length = length << 8 | usize::from(*byte);
        }
    }
    let (content, after) = rest.split_at_checked(length)?;
    Some((*tag, content, after))
}

#[cfg(test)]
#[path = "signing_tests.rs"]
mod tests;
