// SPDX-License-Identifier: GPL-2.0-only

//! Whether the running kernel requires signed modules, what dkms signs with, and whether
//! that key is trusted.

use super::module_file::find;
use super::report::{Key, Signing};
use crate::system::System;
use std::fs;
use std::path::{Path, PathBuf};

/// EFI variables. The value follows four bytes of attributes.
const SECURE_BOOT: &str =
    "sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
const MOK_NEW: &str = "sys/firmware/efi/efivars/MokNew-605dab50-e046-4300-abb6-3dd810dd8b23";

/// The machine owner's keys (MOK), as shim passes them to the kernel.
const MOK_LIST: &str = "sys/firmware/efi/mok-variables/MokListRT";

/// The certificate that Ubuntu's dkms uses, and dkms's own default.
const CERTIFICATES: [&str; 2] = ["var/lib/shim-signed/mok/MOK.der", "var/lib/dkms/mok.pub"];

/// What is known about signatures on this system.
pub struct Signer {
    /// The part for the report.
    pub report: Signing,
    certificate: Option<Certificate>,
}

impl Signer {
    /// Returns what is known about dkms's key.
    pub fn find(system: &System) -> Self {
        Self::by(system, Some(certificate_path(system)))
    }

    /// Returns what is known about the key of a certificate in a package.
    pub fn of(system: &System, certificate: Option<&Path>) -> Self {
        let path = certificate.and_then(|path| path.strip_prefix("/").ok()?.to_str());
        Self::by(system, path.map(|path| system.at(path)))
    }

    fn by(system: &System, path: Option<PathBuf>) -> Self {
        let path = path.filter(|path| path.exists());
        let bytes = path.as_ref().and_then(|path| fs::read(path).ok());
        let certificate = bytes.and_then(Certificate::parse);
        let secure_boot = secure_boot(system);
        let report = Signing {
            secure_boot,
            enforced: enforced(system, secure_boot),
            key: match &certificate {
                Some(certificate) => known(system, certificate),
                None if path.is_some() => Key::Unknown,
                None => Key::None,
            },
            certificate: path.map(|path| system.shown(&path)),
        };
        Self {
            report,
            certificate,
        }
    }

    /// Whether the running kernel trusts the maker of this signature. Only signatures by this key can
    /// be checked.
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

/// Returns the path of dkms's certificate. The setting in dkms's configuration overrides the
/// defaults.
fn certificate_path(system: &System) -> PathBuf {
    if let Some(path) = system.dkms_setting("mok_certificate") {
        return system.at(path.trim_start_matches('/'));
    }
    let [ubuntu, usual] = CERTIFICATES.map(|path| system.at(path));
    if ubuntu.exists() { ubuntu } else { usual }
}

fn secure_boot(system: &System) -> Option<bool> {
    if !system.at("sys/firmware/efi").exists() {
        // Not booted by UEFI. Without /sys, this is unknown.
        return system.at("sys/firmware").exists().then_some(false);
    }
    let value = fs::read(system.at(SECURE_BOOT)).ok()?;
    Some(*value.get(4)? == 1)
}

/// Whether signatures are enforced: by the module parameter, or by lockdown, which Secure Boot
/// enables.
fn enforced(system: &System, secure_boot: Option<bool>) -> Option<bool> {
    let parameter = fs::read_to_string(system.at("sys/module/module/parameters/sig_enforce")).ok();
    let parameter = parameter.map(|value| value.trim() == "Y");
    let lockdown = fs::read_to_string(system.at("sys/kernel/security/lockdown")).ok();
    let lockdown = lockdown.map(|levels| !levels.contains("[none]"));
    match (parameter, lockdown) {
        (Some(true), _) | (_, Some(true)) => Some(true),
        (Some(false), Some(false)) => Some(false),
        // securityfs is not mounted. Debian's kernels enable lockdown if and only if Secure Boot is
        // on.
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

/// Whether the kernel's keyrings contain the certificate. Only root can see them.
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

/// The parts of an X.509 certificate that are needed here.
struct Certificate {
    der: Vec<u8>,
    /// The serial number with its DER tag and length, as a signature contains it.
    serial: Vec<u8>,
    /// The subject key identifier, by which the kernel lists the certificate.
    key_id: Option<Vec<u8>>,
}

impl Certificate {
    fn parse(der: Vec<u8>) -> Option<Self> {
        let (_, certificate, _) = element(&der)?;
        let (_, body, _) = element(certificate)?;
        // The version is optional. Unlike the serial number, it is not tagged as an integer.
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

/// Returns the value of extension 2.5.29.14, an octet string inside an octet string.
fn key_id(der: &[u8]) -> Option<&[u8]> {
    const KEY_ID: &[u8] = b"\x06\x03\x55\x1d\x0e";
    let place = find(der, KEY_ID)? + KEY_ID.len();
    let (_, outer, _) = element(&der[place..])?;
    let (tag, inner, _) = element(outer)?;
    (tag == 4).then_some(inner)
}

/// Splits off the first DER element. Returns its tag, its content and the bytes after it.
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
