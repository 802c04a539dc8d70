// SPDX-License-Identifier: GPL-2.0-only

use super::report::{Autoload, DKMS, How, Key, Kind, Load, Module, Problem, Signing};
use super::*;
use crate::build::way::Way;
use crate::kernel::class::Class;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// A module with a value in every field.
fn module() -> Module {
    Module {
        from: Some(DKMS.into()),
        package: "procdriver".into(),
        version: "0.1.0".into(),
        module: "procDriver".into(),
        built: Some("0.1.0".into()),
        installed: Some("0.1.0".into()),
        file: Some("/lib/modules/6.12.107/updates/dkms/procDriver.ko.xz".into()),
        how: Some("linked by rustc 1.85.1 (4eb161250 2025-03-15)".into()),
        signed: Some(true),
        signer: Some("DKMS module signing key".into()),
        trusted: Some(true),
        loadable: Some(true),
        autoload: Autoload {
            how: Load::Named,
            by: Some("/usr/lib/modules-load.d/procdriver.conf".into()),
        },
        at_boot: Some(true),
        loaded: Some(true),
        current: Some(true),
        problems: Vec::new(),
    }
}

fn problem() -> Problem {
    Problem {
        kind: Kind::Stale,
        text: "built from 0.0.9, but the source is 0.1.0".into(),
        mend: Some("dkms install --force procdriver/0.1.0 -k 6.12.107+deb13-cloud-amd64".into()),
    }
}

fn kernel(modules: Vec<Module>) -> KernelReport {
    KernelReport {
        kernel: "6.12.107+deb13-cloud-amd64".into(),
        running: true,
        next_boot: true,
        buildable: true,
        class: Some(Class::NoRust),
        way: Some(Way::Linked),
        rustc: Some("rustc 1.85.1 (4eb161250 2025-03-15)".into()),
        metadata: Some("to rebuild"),
        reason: None,
        mend: None,
        modules,
    }
}

fn next_boot() -> NextBoot {
    NextBoot {
        kernel: Some("6.12.107+deb13-cloud-amd64".into()),
        how: How::Grub,
        guess: false,
        why: "GRUB's default entry `0` in /boot/grub/grub.cfg".into(),
    }
}

fn report(kernels: Vec<KernelReport>) -> Report {
    Report {
        schema: SCHEMA,
        verdict: verdict(&next_boot(), &kernels),
        next_boot: next_boot(),
        signing: Signing {
            secure_boot: Some(true),
            enforced: Some(true),
            certificate: Some("/var/lib/dkms/mok.pub".into()),
            key: Key::Trusted,
        },
        kernels,
    }
}

fn with(problems: Vec<Problem>) -> Module {
    Module {
        from: Some(DKMS.into()),
        problems,
        ..module()
    }
}

/// Collects the paths of all fields, such as `kernels[].modules[].loaded`.
fn paths(value: &Value, place: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let dot = if place.is_empty() { "" } else { "." };
                let path = format!("{place}{dot}{name}");
                found.insert(path.clone());
                paths(value, &path, found);
            }
        }
        Value::Array(items) => {
            assert!(!items.is_empty(), "{place} has nothing to show its fields");
            for item in items {
                paths(item, &format!("{place}[]"), found);
            }
        }
        _ => {}
    }
}

/// Returns the man page's section about the JSON output, without roff escapes.
fn documented() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/dkms-rust.8");
    let page = fs::read_to_string(path).unwrap().replace("\\-", "-");
    let from = page.find(".SS The report as JSON").unwrap();
    let rest = &page[from..];
    let end = rest[1..].find("\n.S").unwrap();
    rest[..end].to_owned()
}

#[test]
fn the_man_page_has_every_field_of_the_json_and_no_other() {
    let full = report(vec![kernel(vec![with(vec![problem()])])]);
    let mut fields = BTreeSet::new();
    paths(&serde_json::to_value(full).unwrap(), "", &mut fields);
    let text = documented();
    let heads = text.split(".TP\n.B ").skip(1);
    let described: BTreeSet<_> = heads.filter_map(|item| item.lines().next()).collect();
    let fields: BTreeSet<_> = fields.iter().map(String::as_str).collect();
    assert_eq!(described, fields);
}

#[test]
fn the_man_page_has_every_word_that_the_json_may_have() {
    let text = documented();
    let italic = text.lines().filter(|line| {
        [".I ", ".IR", ".RI"]
            .iter()
            .any(|font| line.starts_with(font))
    });
    let described: BTreeSet<&str> = italic.flat_map(str::split_whitespace).collect();
    let words = [
        words(&[Verdict::Well, Verdict::Missing, Verdict::Unknown]),
        words(&[
            How::Grub,
            How::SystemdBoot,
            How::Link,
            How::Newest,
            How::Nothing,
        ]),
        words(&[Key::Trusted, Key::Enrolled, Key::Pending]),
        words(&[Key::Absent, Key::None, Key::Unknown]),
        words(&[Load::Named, Load::Device, Load::Masked]),
        words(&[Load::Blacklisted, Load::Nothing]),
        words(&[Class::Metadata, Class::Rust, Class::NoRust]),
        words(&[Kind::Missing, Kind::Stale, Kind::Shadowed, Kind::Altered]),
        words(&[
            Kind::Unindexed,
            Kind::WrongKernel,
            Kind::OtherHeaders,
            Kind::Unsigned,
        ]),
        words(&[Kind::Untrusted, Kind::Masked, Kind::Blacklisted]),
        words(&[Kind::NotLoaded, Kind::Outdated]),
    ];
    for word in words.concat() {
        assert!(described.contains(&*word), "{word} is not in {described:?}");
    }
}

/// Serializes values to the words in the JSON output.
fn words(values: &[impl serde::Serialize]) -> Vec<String> {
    let word = |value| match serde_json::to_value(value).unwrap() {
        Value::String(word) => word,
        other => panic!("{other} is no word"),
    };
    values.iter().map(word).collect()
}

#[test]
fn the_verdict_is_the_worst_of_all_modules() {
    let of = |modules: Vec<Module>| {
        let kernels = [kernel(vec![module()]), kernel(modules)];
        verdict(&next_boot(), &kernels)
    };
    assert_eq!(of(vec![module()]), Verdict::Well);
    let unknown = Module {
        loadable: None,
        at_boot: None,
        ..module()
    };
    assert_eq!(of(vec![module(), unknown.clone()]), Verdict::Unknown);
    assert_eq!(of(vec![unknown, with(vec![problem()])]), Verdict::Missing);
    let nowhere = NextBoot {
        kernel: None,
        ..next_boot()
    };
    assert_eq!(verdict(&nowhere, &[]), Verdict::Unknown);
    assert_eq!(verdict(&next_boot(), &[]), Verdict::Missing);
    assert_eq!(
        [Verdict::Well, Verdict::Missing, Verdict::Unknown].map(Verdict::code),
        [0, 1, 2]
    );
}

#[test]
fn a_kernel_that_nothing_can_be_built_for_is_well_while_its_modules_are_there() {
    let refused = |modules| KernelReport {
        buildable: false,
        reason: Some("there is no rustc".into()),
        ..kernel(modules)
    };
    let of = |modules| verdict(&next_boot(), &[refused(modules)]);
    assert_eq!(of(vec![module()]), Verdict::Well);
    assert_eq!(of(vec![]), Verdict::Missing);
    let text = table::text(&report(vec![refused(vec![module()])]), true);
    assert!(
        text.contains("no module can be built: there is no rustc"),
        "{text}"
    );
}

#[test]
fn the_table_fits_a_terminal_and_begins_with_the_answer() {
    let second = Module {
        module: "other".into(),
        loaded: Some(false),
        ..module()
    };
    let text = table::text(
        &report(vec![kernel(vec![with(vec![problem()]), second])]),
        true,
    );
    assert!(
        text.starts_with("Next boot: 6.12.107+deb13-cloud-amd64 (GRUB's default"),
        "{text}"
    );
    for line in text.lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
    let expected = "\
   KERNEL                      WAY     RUSTC   TREE     MODULE      BUILT  SIGNED  LOADABLE  LOADED
*> 6.12.107+deb13-cloud-amd64  linked  1.85.1  rebuild  procDriver  stale  yes     yes       yes
     procDriver: built from 0.0.9, but the source is 0.1.0
       mend: dkms install --force procdriver/0.1.0 -k 6.12.107+deb13-cloud-amd64
                                                        other       yes    yes     yes       no
";
    assert!(text.contains(expected), "{text}");
}

#[test]
fn what_a_package_s_modules_share_is_told_once() {
    let other = |name: &str, package: &str| Module {
        module: name.into(),
        package: package.into(),
        ..with(vec![problem()])
    };
    let modules = vec![
        with(vec![problem()]),
        other("second", "procdriver"),
        other("third", "another"),
    ];
    let text = table::text(&report(vec![kernel(modules)]), true);
    let told: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("     ") && line.contains("built from"))
        .collect();
    let wanted = ["procDriver, second", "third"];
    let wanted =
        wanted.map(|names| format!("     {names}: built from 0.0.9, but the source is 0.1.0"));
    assert_eq!(told, wanted, "{text}");
}

#[test]
fn a_prebuilt_module_is_shown_with_its_package() {
    let of = |name: &str, package: &str| Module {
        module: name.into(),
        from: Some(package.into()),
        ..module()
    };
    let modules = vec![of("a", "x-modules"), of("b", "x-modules"), of("c", DKMS)];
    let text = table::text(&report(vec![kernel(modules)]), true);
    assert_eq!(text.matches("from ").count(), 1, "{text}");
    assert!(text.contains("\n     a, b: from x-modules\n"), "{text}");
}

#[test]
fn nothing_is_said_of_the_key_of_a_dkms_that_is_not_installed() {
    let mut report = report(vec![kernel(vec![module()])]);
    report.signing.certificate = None;
    let text = table::text(&report, true);
    assert!(text.contains("\n  dkms has no key yet\n\n"), "{text}");
    let text = table::text(&report, false);
    assert!(text.contains("; modules must be signed\n\n"), "{text}");
}

#[test]
fn the_answer_says_what_is_in_the_way_and_what_is_a_guess() {
    let gone = Module {
        at_boot: Some(false),
        ..with(vec![problem()])
    };
    let mut report = report(vec![kernel(vec![gone])]);
    report.next_boot.guess = true;
    let text = table::text(&report, true);
    assert!(text.contains("Next boot: probably 6.12"), "{text}");
    assert!(
        text.contains("procDriver: will not be loaded: built from 0.0.9"),
        "{text}"
    );
}

#[test]
fn kernels_of_which_only_modules_are_left_are_shown_on_demand() {
    let root = tempfile::tempdir().unwrap();
    for folder in ["7.3.4-amd64/kernel", "6.12.1-amd64/updates"] {
        fs::create_dir_all(root.path().join("lib/modules").join(folder)).unwrap();
    }
    let system = System::below(root.path());
    let shown = |all| {
        let kernels = collect(&system, None, all).unwrap().kernels;
        kernels
            .into_iter()
            .map(|kernel| kernel.kernel)
            .collect::<Vec<_>>()
    };
    assert_eq!(shown(false), ["7.3.4-amd64"]);
    assert_eq!(shown(true), ["6.12.1-amd64", "7.3.4-amd64"]);
}
