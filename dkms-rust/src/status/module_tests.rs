// SPDX-License-Identifier: GPL-2.0-only

//! Puts a module through every problem that it can have, on a system in a temporary directory.

use super::super::module_file::tests::{module as made, signed};
use super::super::place::Headers;
use super::super::report::{Key, Kind, Signing};
use super::super::signing::Signer;
use super::*;
use std::path::Path;

const RELEASE: &str = "7.3.4-amd64";
const INSTALLED: &str = "lib/modules/7.3.4-amd64/updates/dkms/drv.ko";
const BUILT: &str = "var/lib/dkms/p/0.2/7.3.4-amd64/x86_64/module/drv.ko";
const NAMED: &str = "usr/lib/modules-load.d/p.conf";
const LOADED: &str = "sys/module/drv/notes/.note.gnu.build-id";

fn write(root: &Path, name: &str, content: impl AsRef<[u8]>) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn index(root: &Path, file: &str) {
    let name = "lib/modules/7.3.4-amd64/modules.dep";
    write(root, name, format!("{file}:\n"));
}

fn bytes(release: &str) -> Vec<u8> {
    made(&[&format!("vermagic={release} SMP ")], b"id")
}

/// A system without problems: the module is built, installed, named for the next boot and loaded.
fn machine() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for file in [BUILT, INSTALLED] {
        write(root.path(), file, bytes(RELEASE));
    }
    index(root.path(), "updates/dkms/drv.ko");
    write(root.path(), NAMED, "drv\n");
    write(root.path(), LOADED, "id");
    root
}

struct Look {
    headers: Option<&'static str>,
    enforced: Option<bool>,
    running: bool,
    refused: bool,
}

const LOOK: Look = Look {
    headers: None,
    enforced: Some(false),
    running: true,
    refused: false,
};

fn look_as(root: &Path, how: &Look) -> Module {
    let system = System::below(root);
    let mut signer = Signer::find(&system);
    signer.report = Signing {
        enforced: how.enforced,
        key: Key::Absent,
        ..signer.report
    };
    let place = Place {
        system: &system,
        release: &RELEASE.parse().unwrap(),
        running: how.running,
        refusal: how
            .refused
            .then_some(("no rustc", Some("apt install rustc"))),
        headers: how.headers.map(|fingerprint| Headers {
            fingerprint: fingerprint.into(),
            exported: [("printk".to_owned(), 1)].into(),
        }),
        signer: &signer,
    };
    let package = Package {
        source: true,
        name: "p".into(),
        version: "0.2".into(),
        modules: vec!["drv".into()],
    };
    look(&place, &package, "drv")
}

fn of(root: &tempfile::TempDir) -> Module {
    look_as(root.path(), &LOOK)
}

fn kinds(module: &Module) -> Vec<Kind> {
    module.problems.iter().map(|problem| problem.kind).collect()
}

fn mend(module: &Module) -> &str {
    module.problems[0].mend.as_deref().unwrap()
}

#[test]
fn a_module_that_is_well_has_no_problem_and_will_be_there() {
    let module = of(&machine());
    assert_eq!(module.problems, []);
    assert_eq!(module.installed.as_deref(), Some("0.2"));
    assert_eq!(module.file.as_deref(), Some(&*format!("/{INSTALLED}")));
    assert_eq!((module.signed, module.loadable), (Some(false), Some(true)));
    assert_eq!((module.loaded, module.current), (Some(true), Some(true)));
    assert_eq!(module.at_boot, Some(true));
}

#[test]
fn a_missing_module_is_built_by_a_command_or_by_what_stands_in_its_way() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), NAMED, "drv\n");
    let module = of(&root);
    assert_eq!(kinds(&module), [Kind::Missing]);
    assert_eq!(mend(&module), "dkms install p/0.2 -k 7.3.4-amd64");
    assert_eq!(module.at_boot, Some(false));

    let refused = Look {
        refused: true,
        ..LOOK
    };
    let module = look_as(root.path(), &refused);
    assert!(module.problems[0].text.contains("no rustc"));
    assert_eq!(mend(&module), "apt install rustc");

    write(root.path(), BUILT, bytes(RELEASE));
    let module = of(&root);
    assert_eq!(module.problems[0].text, "built, but not installed");
}

#[test]
fn one_of_an_older_version_is_stale_and_still_there() {
    let root = machine();
    let older = BUILT.replace("0.2", "0.1");
    write(root.path(), &older, bytes(RELEASE));
    fs::remove_file(root.path().join(BUILT)).unwrap();
    let module = of(&root);
    assert_eq!(kinds(&module), [Kind::Stale]);
    assert_eq!(mend(&module), "dkms install --force p/0.2 -k 7.3.4-amd64");
    assert_eq!(module.installed.as_deref(), Some("0.1"));
    assert_eq!(module.at_boot, Some(true));
}

#[test]
fn another_file_of_its_name_shadows_it_only_if_modprobe_takes_that() {
    let root = machine();
    let other = "lib/modules/7.3.4-amd64/extra/drv.ko";
    write(
        root.path(),
        other,
        made(&["vermagic=7.3.4-amd64 "], b"other"),
    );
    assert_eq!(of(&root).problems, []);

    index(root.path(), "extra/drv.ko");
    let module = of(&root);
    assert_eq!(kinds(&module), [Kind::Shadowed, Kind::Outdated]);
    assert_eq!(mend(&module), format!("rm /{other}; depmod {RELEASE}"));
    assert_eq!(
        (module.installed.as_deref(), module.at_boot),
        (None, Some(false))
    );
}

#[test]
fn a_file_that_was_changed_is_not_dkmss() {
    let root = machine();
    write(
        root.path(),
        INSTALLED,
        made(&["vermagic=7.3.4-amd64 "], b"id"),
    );
    assert_eq!(kinds(&of(&root)), [Kind::Altered]);
    fs::remove_file(root.path().join(BUILT)).unwrap();
    assert_eq!(kinds(&of(&root)), [Kind::Missing]);
}

#[test]
fn one_that_depmod_has_not_seen_wants_depmod() {
    let root = machine();
    index(root.path(), "kernel/other.ko");
    let module = of(&root);
    assert_eq!(kinds(&module), [Kind::Unindexed]);
    assert_eq!(mend(&module), "depmod 7.3.4-amd64");
}

#[test]
fn one_for_another_kernel_is_not_loadable() {
    let root = machine();
    for file in [BUILT, INSTALLED] {
        write(root.path(), file, bytes("7.3.3-amd64"));
    }
    let module = of(&root);
    assert_eq!(kinds(&module), [Kind::WrongKernel]);
    assert_eq!(module.loadable, Some(false));
}

#[test]
fn a_kernel_that_wants_signatures_tells_none_from_one_that_it_does_not_know() {
    let root = machine();
    let enforced = Look {
        enforced: Some(true),
        ..LOOK
    };
    let module = look_as(root.path(), &enforced);
    assert_eq!(kinds(&module), [Kind::Unsigned]);
    assert_eq!(
        (module.loadable, module.at_boot),
        (Some(false), Some(false))
    );

    for file in [BUILT, INSTALLED] {
        let message = b"\x06\x03\x55\x04\x03\x0c\x04Some";
        write(root.path(), file, signed(bytes(RELEASE), message));
    }
    // The owner of that key is unknown here.
    let module = look_as(root.path(), &enforced);
    assert_eq!((module.signed, module.loadable), (Some(true), None));
    assert_eq!(module.signer.as_deref(), Some("Some"));
    assert_eq!((module.problems.len(), module.at_boot), (0, None));
    let unknown = Look {
        enforced: None,
        ..LOOK
    };
    assert_eq!(look_as(root.path(), &unknown).loadable, None);
}

#[test]
fn masks_and_blacklists_are_named() {
    let root = machine();
    write(root.path(), "etc/modules-load.d/p.conf", "");
    let module = of(&root);
    assert_eq!(kinds(&module), [Kind::Masked]);
    assert_eq!(mend(&module), "rm /etc/modules-load.d/p.conf");
    assert_eq!(module.at_boot, Some(false));

    write(root.path(), "etc/modprobe.d/b.conf", "blacklist drv\n");
    let module = of(&root);
    assert_eq!(kinds(&module), [Kind::Blacklisted]);
    assert!(module.problems[0].text.contains("/etc/modprobe.d/b.conf:1"));
}

#[test]
fn what_is_loaded_is_held_against_the_file() {
    let root = machine();
    write(root.path(), LOADED, "older");
    let module = of(&root);
    assert_eq!(kinds(&module), [Kind::Outdated]);
    assert_eq!(mend(&module), "modprobe -r drv && modprobe drv");

    fs::remove_dir_all(root.path().join("sys/module/drv")).unwrap();
    assert_eq!(kinds(&of(&root)), [Kind::NotLoaded]);
    let other = Look {
        running: false,
        ..LOOK
    };
    let module = look_as(root.path(), &other);
    assert_eq!((module.loaded, module.problems.len()), (None, 0));
}

#[test]
fn a_module_that_nobody_asks_for_is_nobodys_problem() {
    let root = machine();
    fs::remove_file(root.path().join(NAMED)).unwrap();
    let module = of(&root);
    assert_eq!((module.problems.len(), module.at_boot), (0, Some(false)));
}

#[test]
fn a_module_that_was_built_against_other_headers_is_built_again() {
    let root = machine();
    let info = "dkms_rust=linked by rustc 1.96.1 (x); headers 0123";
    for file in [BUILT, INSTALLED] {
        let vermagic = format!("vermagic={RELEASE} SMP ");
        write(root.path(), file, made(&[&vermagic, info], b"id"));
    }
    let with = |headers| look_as(root.path(), &Look { headers, ..LOOK });
    let module = with(Some("0123"));
    assert_eq!(module.problems, []);
    assert_eq!(module.how.as_deref(), Some("linked by rustc 1.96.1 (x)"));
    // Without headers there is nothing to compare with.
    assert_eq!(with(None).problems, []);
    let module = with(Some("4567"));
    assert_eq!(kinds(&module), [Kind::OtherHeaders]);
    assert!(
        mend(&module).starts_with("dkms build --force p/0.2"),
        "{}",
        mend(&module)
    );
}
