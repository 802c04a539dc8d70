// SPDX-License-Identifier: GPL-2.0-only

use super::*;
use object::write;
use object::{Architecture, BinaryFormat, Endianness, SectionKind};
use std::fs;

/// Builds a module with the given `.modinfo` and build ID.
pub(crate) fn module(info: &[&str], build_id: &[u8]) -> Vec<u8> {
    let mut object =
        write::Object::new(BinaryFormat::Elf, Architecture::X86_64, Endianness::Little);
    let mut add = |name: &str, kind, data: &[u8]| {
        let section = object.add_section(Vec::new(), name.into(), kind);
        object.append_section_data(section, data, 1);
    };
    let text: String = info.iter().map(|word| format!("{word}\0")).collect();
    add(".modinfo", SectionKind::ReadOnlyData, text.as_bytes());
    add(".note.gnu.build-id", SectionKind::Note, build_id);
    object.write().unwrap()
}

/// Appends a signature to a module.
pub(crate) fn signed(mut module: Vec<u8>, signature: &[u8]) -> Vec<u8> {
    module.extend(signature);
    module.extend([0, 0, 2, 0, 0, 0, 0, 0]);
    module.extend(u32::try_from(signature.len()).unwrap().to_be_bytes());
    module.extend(MARK);
    module
}

const WORDS: [&str; 2] = [
    "license=GPL",
    "vermagic=7.3.4-amd64 SMP preempt mod_unload ",
];

#[test]
fn a_module_says_for_which_kernel_it_is_and_for_which_devices() {
    let file = ModuleFile::parse(&module(&WORDS, b"id")).unwrap();
    assert_eq!(file.release.as_deref(), Some("7.3.4-amd64"));
    assert_eq!(file.build_id.as_deref(), Some(&b"id"[..]));
    assert!(!file.for_devices && file.signature.is_none());
    let file = ModuleFile::parse(&module(&["alias=pci:v0*"], b"")).unwrap();
    assert!(file.for_devices);
}

#[test]
fn a_signature_is_found_behind_the_module_with_its_signers_name() {
    let message = b"\x30\x10\x06\x03\x55\x04\x03\x0c\x04Some\x02\x01\x05";
    let file = ModuleFile::parse(&signed(module(&WORDS, b""), message)).unwrap();
    assert_eq!(file.signature.as_deref(), Some(&message[..]));
    assert_eq!(file.signer().as_deref(), Some("Some"));
}

#[test]
fn a_length_that_leads_out_of_the_file_is_no_signature() {
    let mut bytes = vec![0; 8];
    bytes.extend(u32::MAX.to_be_bytes());
    bytes.extend(MARK);
    assert_eq!(signature(&bytes), None);
    assert_eq!(signature(MARK), None);
}

#[test]
fn a_packed_module_is_unpacked_and_another_file_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let plain = dir.path().join("a.ko");
    fs::write(&plain, module(&WORDS, b"")).unwrap();
    for packer in ["xz", "gzip"] {
        let ran = Command::new(packer).arg("-k").arg(&plain).status();
        assert!(ran.unwrap().success(), "{packer}");
    }
    for name in ["a.ko", "a.ko.xz", "a.ko.gz"] {
        let file = ModuleFile::read(&dir.path().join(name)).unwrap();
        assert_eq!(file.release.as_deref(), Some("7.3.4-amd64"), "{name}");
    }
    fs::write(&plain, "nonsense").unwrap();
    let error = ModuleFile::read(&plain).unwrap_err();
    assert!(error.to_string().contains("is not a module"), "{error:#}");
}

#[test]
fn a_file_that_unpacks_to_more_than_any_module_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let plain = dir.path().join("a.ko");
    fs::write(&plain, vec![0; 1 << 20]).unwrap();
    for (packer, name) in [("xz", "a.ko.xz"), ("gzip", "a.ko.gz")] {
        let ran = Command::new(packer).arg("-k").arg(&plain).status();
        assert!(ran.unwrap().success(), "{packer}");
        let path = dir.path().join(name);
        assert_eq!(unpacked(&path, 1 << 20).unwrap().len(), 1 << 20, "{name}");
        let error = unpacked(&path, 100_000).unwrap_err();
        assert!(error.to_string().contains("it has more than"), "{error:#}");
    }
}

#[test]
fn the_crcs_of_what_a_module_needs_are_read() {
    let record = |crc: u64, name: &str| {
        let mut bytes = crc.to_ne_bytes().to_vec();
        bytes.extend(name.as_bytes());
        bytes.resize(RECORD, 0);
        bytes
    };
    let section = [
        record(7, "_printk"),
        record(9, "proc_remove"),
        vec![1, 2, 3],
    ]
    .concat();
    let found = crcs(&section);
    assert_eq!(found.len(), 2);
    assert_eq!(found["proc_remove"], 9);
}
