// SPDX-License-Identifier: GPL-2.0-only

use super::*;
use std::path::Path;

const SERIAL: [u8; 10] = [0x12, 0x34, 0x56, 0x78, 0x9a, 1, 2, 3, 4, 5];
const KEY: [u8; 20] = [0xab; 20];
/// A line of /proc/keys.
const LISTED: &str = "2c54b0c2 I------     1 perm 1f030000     0     0 asymmetri DKMS module \
    signing key: abababababababababababababababababababab: X509.rsa abababab []\n";
const ANOTHER: &str = "2c54b0c2 I------     1 perm 1f030000     0     0 asymmetri Debian Secure \
    Boot Signer: 14011249c2675ea8e5148542202005810584b25f: X509.rsa 0584b25f []\n";

fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    [&[tag, 0x82], &length[..], content].concat()
}

/// Builds a certificate in which the parts are where X.509 has them.
fn certificate() -> Vec<u8> {
    let version = tagged(0xa0, &[2, 1, 2]);
    let serial = [&[2, 10], &SERIAL[..]].concat();
    let extension = [&[6, 3, 0x55, 0x1d, 0x0e, 4, 22, 4, 20], &KEY[..]].concat();
    let rest = tagged(0x30, &extension);
    tagged(0x30, &tagged(0x30, &[version, serial, rest].concat()))
}

fn write(root: &Path, name: &str, content: impl AsRef<[u8]>) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn machine(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (name, content) in files {
        write(root.path(), name, content);
    }
    root
}

fn found(files: &[(&str, &[u8])]) -> Signing {
    Signer::find(&System::below(machine(files).path())).report
}

const PARAMETER: &str = "sys/module/module/parameters/sig_enforce";
const LOCKDOWN: &str = "sys/kernel/security/lockdown";
const CERTIFICATE: &str = "var/lib/dkms/mok.pub";

#[test]
fn number_and_key_identifier_are_read_from_a_certificate() {
    let parsed = Certificate::parse(certificate()).unwrap();
    assert_eq!(parsed.serial, [&[2, 10], &SERIAL[..]].concat());
    assert_eq!(parsed.key_id.as_deref(), Some(&KEY[..]));
    assert!(Certificate::parse(b"-----BEGIN CERTIFICATE-----".to_vec()).is_none());
    for length in 0..certificate().len() {
        // A truncated certificate is rejected or has no key identifier; parsing never panics.
        let cut = Certificate::parse(certificate()[..length].to_vec());
        assert!(cut.is_none_or(|cut| cut.key_id.is_none()), "{length}");
    }
}

#[test]
fn secure_boot_is_the_firmwares_variable() {
    assert_eq!(found(&[]).secure_boot, None);
    assert_eq!(found(&[("sys/firmware/x", b"")]).secure_boot, Some(false));
    assert_eq!(
        found(&[(SECURE_BOOT, &[6, 0, 0, 0, 1])]).secure_boot,
        Some(true)
    );
    assert_eq!(
        found(&[(SECURE_BOOT, &[6, 0, 0, 0, 0])]).secure_boot,
        Some(false)
    );
}

#[test]
fn signatures_are_enforced_by_parameter_or_by_lockdown() {
    let enforced = |files: &[(&str, &[u8])]| found(files).enforced;
    assert_eq!(enforced(&[]), None);
    assert_eq!(enforced(&[(PARAMETER, b"Y\n")]), Some(true));
    let none: (&str, &[u8]) = (LOCKDOWN, b"[none] integrity confidentiality\n");
    let integrity: (&str, &[u8]) = (LOCKDOWN, b"none [integrity] confidentiality\n");
    assert_eq!(enforced(&[(PARAMETER, b"N\n"), none]), Some(false));
    assert_eq!(enforced(&[(PARAMETER, b"N\n"), integrity]), Some(true));
    let on: (&str, &[u8]) = (SECURE_BOOT, &[6, 0, 0, 0, 1]);
    assert_eq!(enforced(&[(PARAMETER, b"N\n"), on]), Some(true));
}

#[test]
fn a_key_comes_from_nothing_to_trusted() {
    let der = certificate();
    let key = |more: &[(&str, &[u8])]| {
        let own: (&str, &[u8]) = (CERTIFICATE, &der);
        found(&[&[own], more].concat()).key
    };
    assert_eq!(found(&[]).key, Key::None);
    assert_eq!(key(&[]), Key::Unknown);
    let keys: (&str, &[u8]) = ("proc/keys", ANOTHER.as_bytes());
    assert_eq!(key(&[keys]), Key::Absent);
    let list = [b"header", &*der, b"more"].concat();
    assert_eq!(key(&[keys, (MOK_NEW, &list)]), Key::Pending);
    assert_eq!(key(&[keys, (MOK_LIST, &list)]), Key::Enrolled);
    assert_eq!(key(&[("proc/keys", LISTED.as_bytes())]), Key::Trusted);
    // Only root sees certificates in /proc/keys.
    assert_eq!(key(&[("proc/keys", b"1 keyring _ses: 1\n")]), Key::Unknown);
}

#[test]
fn dkmss_setting_goes_before_its_default() {
    let der = certificate();
    let set = b"mok_certificate=\"/root/mine.der\"\n";
    let files: [(&str, &[u8]); 3] = [
        (CERTIFICATE, &der),
        ("etc/dkms/framework.conf.d/a.conf", set),
        ("root/mine.der", &der),
    ];
    assert_eq!(
        found(&files[..1]).certificate.as_deref(),
        Some("/var/lib/dkms/mok.pub")
    );
    assert_eq!(found(&files).certificate.as_deref(), Some("/root/mine.der"));
}

#[test]
fn only_of_dkmss_own_key_it_can_be_told_whether_it_is_trusted() {
    let der = certificate();
    let root = machine(&[(CERTIFICATE, &der), ("proc/keys", LISTED.as_bytes())]);
    let signer = Signer::find(&System::below(root.path()));
    let by = |serial: &[u8]| [&[0x30, 2, 2, 10], serial].concat();
    assert_eq!(signer.trusts(&by(&SERIAL)), Some(true));
    assert_eq!(signer.trusts(&by(&[7; 10])), None);
}
