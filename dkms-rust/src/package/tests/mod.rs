// SPDX-License-Identifier: GPL-2.0-only

//! The life cycle of a package on a made-up system.

mod made;
mod prebuilt;

use super::build::{Planned, Planner, Work};
use super::configure::{Wanted, configure_by};
use super::remove::{purge, remove_by};
use super::say::Voice;
use crate::build::lasted;
use crate::build::way::Way;
use crate::kernel::refusal::Refusal;
use crate::kernel::release::Release;
use crate::status::outcomes::Outcome;
use crate::system::System;
use crate::system::child;
use anyhow::anyhow;
use made::*;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

#[test]
fn each_kernel_gets_the_module_and_it_is_remembered() {
    let made = Made::new();
    let said = made.configure();
    assert!(
        said.contains("hi: building for 6.12.1-amd64: only the module\nhi: built for 6.12.1"),
        "{said}"
    );
    assert!(said.contains("not loaded: this is a chroot"), "{said}");
    for kernel in [OLD, NEW] {
        assert_eq!(made.has(kernel).as_deref(), Some("1"));
        assert_eq!(made.outcome(kernel), built("1"));
    }
    assert_eq!(made.outcome("6.1.0-amd64"), None);
    // A retry finds nothing to do and says nothing.
    made.calls();
    assert_eq!((made.retry(), made.calls()), Default::default());
}

#[test]
fn a_kernel_that_is_refused_is_told_once_and_gets_the_module_when_it_can_be_built() {
    let made = Made::new();
    let half = |system: &System, release: &Release| match release.as_str() {
        NEW => no_headers(system, release),
        _ => fine(system, release),
    };
    let said = made.configure_with(half);
    assert!(said.contains("hi: not built for 7.3.4-amd64:\n    dkms-rust: 7.3.4-amd64: no headers\n      mend: apt install headers\n"), "{said}");
    assert!(
        said.contains("once mended: dkms-rust package configure hi"),
        "{said}"
    );
    assert_eq!(made.has(NEW), None);
    assert_eq!(made.retry_with(half), "");
    let said = made.retry();
    assert_eq!(
        said,
        "hi: building for 7.3.4-amd64: only the module\nhi: built for 7.3.4-amd64\n"
    );
    assert_eq!(made.outcome(NEW), built("1"));
}

#[test]
fn a_kernel_that_dkms_conf_leaves_out_is_neither_a_failure_nor_tried_again() {
    let made = Made::new();
    made.configure();
    made.source("2");
    made.write(&format!("excludes-{NEW}"), "");
    let said = made.configure();
    let line = "hi: skipped for 7.3.4-amd64: its dkms.conf excludes this kernel\n";
    assert!(
        said.contains(line) && !said.contains("once mended"),
        "{said}"
    );
    assert!(matches!(made.outcome(NEW), Some(Outcome::Excluded { .. })));
    // The older version's module does not stay there either.
    assert_eq!((made.has(OLD), made.has(NEW)), (Some("2".into()), None));
    made.calls();
    assert_eq!((made.retry(), made.calls()), Default::default());
}

#[test]
fn what_the_kernels_hook_was_refused_is_told_at_the_end() {
    let made = Made::new();
    made.configure_with(no_headers);
    assert_eq!(made.retry_with(no_headers), "");
    let release = NEW.parse().unwrap();
    let hook = super::hook::Hook::of(&made.system, "hi", "1", &release);
    hook.refused(&Refusal::new(&release, "no headers", "apt install headers"));
    let said = made.retry_with(no_headers);
    assert!(
        said.contains("not built for 7.3.4") && !said.contains(OLD),
        "{said}"
    );
    assert_eq!(made.retry_with(no_headers), "");
}

#[test]
fn a_build_that_fails_is_told_and_kept_and_leaves_the_older_module() {
    let made = Made::new();
    made.configure();
    made.source("2");
    made.write("fails-build", "");
    let said = made.configure();
    assert!(
        said.contains(
            "hi: not built for 7.3.4-amd64, dkms exited with status 10:\n    x.rs:1: error: no \
             such field\n"
        ),
        "{said}"
    );
    assert_eq!(made.has(NEW).as_deref(), Some("1"));
    let Some(Outcome::Failed { why, log, .. }) = made.outcome(NEW) else {
        panic!("{:?}", made.outcome(NEW))
    };
    assert_eq!(why, "x.rs:1: error: no such field");
    assert!(made.at(&log.unwrap()[1..]).exists());

    // The same build would fail again, so it is not tried.
    made.calls();
    assert_eq!((made.retry(), made.calls()), Default::default());
    made.write("usr/src/hi-2/src/x.rs", "fn mended() {}");
    fs::remove_file(made.at("fails-build")).unwrap();
    made.retry();
    assert_eq!(made.has(NEW).as_deref(), Some("2"));
    // Nothing is left of the older version and of the failure.
    assert!(!made.at("var/lib/dkms/hi/1").exists());
    assert!(!made.at("var/log/dkms-rust/hi").exists());
}

#[test]
fn what_failed_is_tried_again_by_another_compiler_or_when_it_was_killed() {
    let made = Made::new();
    made.write("fails-build", "");
    made.configure();
    made.calls();
    let other = |_: &System, _: &Release| -> Result<Planned, Refusal> {
        Ok(Planned {
            long: None,
            tree: "another tree".into(),
        })
    };
    let said = made.retry_with(other);
    assert!(
        said.contains("building for") && made.calls().contains("build"),
        "{said}"
    );
    assert_eq!(made.retry_with(other), "");

    made.write("fails-build", "Killed");
    made.configure();
    made.calls();
    made.retry();
    assert!(made.calls().contains("build"));
}

#[test]
fn what_the_kernels_hook_saw_fail_is_told_once_at_the_end_and_not_built_again() {
    let made = Made::new();
    made.configure();
    made.source("2");
    made.write("fails-build", "");
    made.configure();
    let release: Release = NEW.parse().unwrap();
    let hook = super::hook::Hook::of(&made.system, "hi", "2", &release);
    let record = made.at("var/lib/dkms/hi/2/build");
    hook.failed(&record, "a tree");
    made.calls();
    let said = made.retry();
    assert!(
        said.starts_with(
            "hi: not built for 7.3.4-amd64, the build failed:\n    x.rs:1: error: no such \
             field\n    complete log: /var/log/dkms-rust/hi/7.3.4-amd64.log\n"
        ),
        "{said}"
    );
    assert!(said.contains("once mended"), "{said}");
    assert_eq!(made.calls(), "");
    assert_eq!(made.retry(), "");
}

#[test]
fn the_user_is_told_how_long_a_rebuild_took_the_last_time() {
    let made = Made::new();
    let newer = "7.3.5-amd64";
    made.write(&format!("lib/modules/{newer}/modules.builtin"), "");
    let rebuilding = |_: &System, _: &Release| -> Result<Planned, Refusal> {
        let long: Work = Box::new(|_| Ok(()));
        Ok(Planned {
            long: Some((Way::Rebuilt, long)),
            tree: "a tree".into(),
        })
    };
    let new: Release = NEW.parse().unwrap();
    lasted::remember(&made.system, &new, Way::Rebuilt, 41).unwrap();
    let said = made.configure_with(rebuilding);
    for (release, took) in [
        (OLD, ""),
        (NEW, ", which took 41 s the last time"),
        (newer, ", which took 41 s for 7.3.4-amd64"),
    ] {
        let line = format!("{release}: its Rust metadata (rebuilt){took}, and then the module\n");
        assert!(said.contains(&line), "{said}");
    }
}

#[test]
fn a_build_tree_that_can_not_be_made_is_a_failure_with_its_reason() {
    let made = Made::new();
    let broken = |_: &System, _: &Release| -> Result<Planned, Refusal> {
        let long: Work = Box::new(|_| Err(anyhow!("bindgen: Segmentation fault")));
        Ok(Planned {
            long: Some((Way::Linked, long)),
            tree: "a tree".into(),
        })
    };
    let said = made.configure_with(broken);
    assert!(said.contains("    bindgen: Segmentation fault\n"), "{said}");
    assert!(!made.calls().contains("build"));
    // The cause may be temporary, so it is tried again, but it is not explained again.
    let said = made.retry_with(broken);
    let line = "hi: the same failure again (bindgen: Segmentation fault) for 7.3.4-amd64\n";
    assert!(said.contains(line), "{said}");
    assert!(!said.contains("not built"), "{said}");
}

#[test]
fn what_the_administrator_took_away_stays_away_until_the_package_is_configured_again() {
    let made = Made::new();
    made.configure();
    made.dkms("remove -m hi -v 1 -k 7.3.4-amd64");
    assert_eq!((made.retry(), made.has(NEW)), Default::default());
    assert_eq!(made.has(OLD).as_deref(), Some("1"));
    made.dkms("remove -m hi -v 1 --all");
    assert_eq!((made.retry(), made.calls()), Default::default());
    made.configure();
    assert_eq!(made.has(NEW).as_deref(), Some("1"));
}

#[test]
fn what_dkms_did_not_install_after_its_hook_had_built_it_is_built_at_the_end() {
    let made = Made::new();
    made.configure();
    made.dkms("remove -m hi -v 1 -k 7.3.4-amd64");
    let release = NEW.parse().unwrap();
    let hook = super::hook::Hook::of(&made.system, "hi", "1", &release);
    hook.built_by(true);
    assert!(made.retry().contains("hi: built for 7.3.4-amd64\n"));

    // If dkms did install it, the administrator may remove it.
    hook.built_by(true);
    assert_eq!(
        (made.retry(), made.outcome(NEW)),
        (String::new(), built("1"))
    );
    made.dkms("remove -m hi -v 1 -k 7.3.4-amd64");
    assert_eq!((made.retry(), made.has(NEW)), Default::default());
    // Without dpkg nobody looks whether dkms installed it.
    hook.built_by(false);
    assert_eq!((made.retry(), made.has(NEW)), Default::default());
}

#[test]
fn what_dkms_was_told_to_leave_alone_is_left_alone() {
    let made = Made::new();
    made.write("etc/dkms/hi.conf", "AUTOINSTALL=\"no\"\n");
    let said = made.configure();
    assert!(
        said.contains(
            "not built: /etc/dkms/hi.conf turns automatic builds off; by hand: dkms install hi/1"
        ),
        "{said}"
    );
    assert_eq!((made.retry(), made.has(OLD)), Default::default());
    // The more specific file overrides the general one.
    made.write("etc/dkms/hi-1.conf", "AUTOINSTALL=yes\n");
    made.configure();
    assert!(made.has(OLD).is_some());
    made.write("etc/dkms/no-autoinstall", "");
    assert!(
        made.configure()
            .contains("/etc/dkms/no-autoinstall turns automatic builds off")
    );
}

#[test]
fn a_record_that_is_half_made_is_made_anew() {
    let made = Made::new();
    made.write("var/lib/dkms/hi/1/build/make.log", "");
    made.write("var/lib/dkms/hi/0/build/make.log", "");
    made.configure();
    assert_eq!(made.has(OLD).as_deref(), Some("1"));
    assert!(!made.at("var/lib/dkms/hi/0").exists());
    // A record whose source is gone.
    let link = made.at("var/lib/dkms/hi/1/source");
    fs::remove_file(&link).unwrap();
    symlink("/usr/src/nowhere", &link).unwrap();
    made.configure();
    assert_eq!(fs::read_link(&link).unwrap(), made.at("usr/src/hi-1"));
}

#[test]
fn a_module_that_dkms_lost_track_of_is_out_of_the_way_before_it_installs() {
    let made = Made::new();
    made.configure();
    let release = OLD.parse().unwrap();
    let hook = super::hook::Hook::of(&made.system, "hi", "1", &release);
    hook.make_room();
    assert!(made.has(OLD).is_some());
    fs::remove_dir_all(made.at("var/lib/dkms/hi")).unwrap();
    hook.make_room();
    assert_eq!((made.has(OLD), made.has(NEW).is_some()), (None, true));
}

#[test]
fn a_module_that_dkms_installed_for_another_package_stays() {
    let made = Made::new();
    made.configure();
    fs::remove_dir_all(made.at("var/lib/dkms/hi")).unwrap();
    let other = format!("2/{OLD}/x86_64");
    made.write(&format!("var/lib/dkms/other/{other}/module/hi.ko.xz"), "");
    let link = made.at(&format!("var/lib/dkms/other/kernel-{OLD}-x86_64"));
    symlink(&other, link).unwrap();
    let release = OLD.parse().unwrap();
    super::hook::Hook::of(&made.system, "hi", "1", &release).make_room();
    assert!(made.has(OLD).is_some());
    made.remove();
    assert_eq!((made.has(OLD).is_some(), made.has(NEW)), (true, None));
}

#[test]
fn a_module_that_a_new_version_renamed_goes_with_the_older_version() {
    let ho = |made: &Made, kernel| made.at(&format!("lib/modules/{kernel}/updates/dkms/ho.ko"));
    let made = Made::new();
    made.configure();
    made.source_of("2", "ho");
    made.write(&format!("excludes-{NEW}"), "");
    made.configure();
    assert_eq!((made.has(OLD), made.has(NEW)), (None, None));
    assert!(ho(&made, OLD).exists() && !ho(&made, NEW).exists());
    assert!(!made.at("var/lib/dkms/hi/1").exists());
    assert!(
        !made
            .at(&format!("var/lib/dkms/hi/kernel-{NEW}-x86_64"))
            .is_symlink()
    );
    // The package is removed before the new version could be built.
    let made = Made::new();
    made.configure();
    made.source_of("2", "ho");
    made.write("fails-build", "");
    made.configure();
    assert_eq!(made.has(OLD).as_deref(), Some("1"));
    made.remove();
    assert_eq!((made.has(OLD), made.has(NEW)), (None, None));
}

#[test]
fn a_kernel_s_own_module_that_dkms_puts_back_stays() {
    let made = Made::new();
    made.configure();
    let aside = "var/lib/dkms/hi/original_module";
    made.write(&format!("{aside}/{OLD}/x86_64/hi.ko"), "the kernel's");
    made.remove();
    assert_eq!(
        (made.has(OLD).as_deref(), made.has(NEW)),
        (Some("the kernel's"), None)
    );
    assert!(!made.at("var/lib/dkms/hi").exists());
}

#[test]
fn a_dkms_that_takes_nothing_is_told_of() {
    let made = Made::new();
    made.write("fails-add", "");
    let said = made.configure();
    assert!(
        said.contains("nothing was built: dkms did not accept /usr/src/hi-1:"),
        "{said}"
    );
    fs::remove_dir_all(made.at("var/lib/dkms/hi")).unwrap();
    fs::remove_file(made.at("fails-add")).unwrap();
    assert!(made.retry().contains("built for"));
    fs::remove_file(made.at("usr/sbin/dkms")).unwrap();
    assert!(made.configure().contains("dkms: not installed"));
}

#[test]
fn a_moved_tree_is_honoured_and_left_empty() {
    let made = Made::new();
    made.write("moved", "");
    made.write("etc/dkms/framework.conf.d/x.conf", "dkms_tree=/srv/dkms\n");
    made.configure();
    assert!(made.at("srv/dkms/hi/1/source").exists());
    assert_eq!(
        (made.retry(), made.has(OLD).as_deref()),
        (String::new(), Some("1"))
    );
    made.remove();
    assert!(!made.at("srv/dkms/hi").exists());
}

#[test]
fn removal_leaves_what_is_remembered_and_purge_leaves_nothing() {
    let made = Made::new();
    made.configure();
    // A module that dkms has lost track of, and a file that belongs to somebody else.
    made.write("lib/modules/7.3.4-amd64/updates/dkms/hi.ko.xz", "");
    made.write("lib/modules/7.3.4-amd64/extra/hi.ko", "");
    made.remove();
    assert_eq!((made.has(OLD), made.has(NEW)), (None, None));
    assert!(!made.at("var/lib/dkms/hi").exists());
    assert!(!made.at("lib/modules/7.3.4-amd64/updates").exists());
    assert!(made.at("lib/modules/7.3.4-amd64/extra/hi.ko").exists());
    // The source is removed with the package, and nothing is built for it any more.
    fs::remove_dir_all(made.at("usr/src")).unwrap();
    made.calls();
    assert_eq!((made.retry(), made.calls()), Default::default());
    let left = || crate::system::names(&made.system.state());
    assert_eq!(left(), [".lock", "hi.json"]);
    purge(&made.system, "hi").unwrap();
    assert_eq!(left(), [".lock"]);
    // Both also work if nothing was ever there.
    assert_eq!(made.remove(), "");
    purge(&made.system, "hi").unwrap();
}

#[test]
fn removal_does_without_dkms_where_that_fails_or_is_gone() {
    let made = Made::new();
    made.configure();
    made.write("fails-remove", "");
    let said = made.remove();
    assert!(
        said.contains("could not remove version 1, so it is removed without dkms:"),
        "{said}"
    );
    assert_eq!(
        (made.has(OLD), made.at("var/lib/dkms/hi").exists()),
        (None, false)
    );
    fs::remove_file(made.at("fails-remove")).unwrap();
    made.configure();
    fs::remove_file(made.at("usr/sbin/dkms")).unwrap();
    assert_eq!(made.remove(), "");
    assert_eq!(
        (made.has(OLD), made.at("var/lib/dkms/hi").exists()),
        (None, false)
    );
}

#[test]
fn a_kernel_s_own_module_that_dkms_did_not_put_back_is_kept_and_told_of() {
    let made = Made::new();
    made.configure();
    let aside = format!("var/lib/dkms/hi/original_module/{OLD}/x86_64/hi.ko");
    made.write(&aside, "the kernel's");
    made.write("fails-remove", "");
    let said = made.remove();
    let told =
        format!("moved modules of the kernel aside, and did not put them back:\n    /{aside}\n");
    assert!(said.contains(&told), "{said}");
    assert_eq!(fs::read_to_string(made.at(&aside)).unwrap(), "the kernel's");
    assert_eq!(
        crate::system::names(&made.at("var/lib/dkms/hi")),
        ["original_module"]
    );
    assert_eq!((made.has(OLD), made.has(NEW)), (None, None));
    fs::remove_file(made.at(&aside)).unwrap();
    assert_eq!(made.remove(), "");
    assert!(!made.at("var/lib/dkms/hi").exists());
}

#[test]
fn an_upgrade_under_way_is_its_own_postinsts_to_finish() {
    let made = Made::new();
    made.configure();
    made.calls();
    made.source("2");
    assert_eq!((made.retry(), made.calls()), Default::default());
}

#[test]
fn the_module_is_loaded_on_the_systems_own_kernel() {
    let made = Made::new();
    made.runs();
    made.write("proc/hi/file", "");
    let said = made.configure();
    assert!(
        said.ends_with("hi: loaded; try: cat /proc/hi/file\n"),
        "{said}"
    );
    assert!(made.at("sys/module/hi").exists());
    // A new build replaces the loaded module, but not while a program uses it.
    fs::create_dir_all(made.at("proc/123/fd")).unwrap();
    symlink("/proc/hi/file", made.at("proc/123/fd/4")).unwrap();
    let said = made.configure();
    assert!(
        said.contains(
            "hi: the older module stays loaded; 1 program(s) use it: 123\nhi: to load the new one: \
             modprobe -r hi; modprobe hi"
        ),
        "{said}"
    );
    fs::remove_file(made.at("proc/123/fd/4")).unwrap();
    assert!(
        made.configure()
            .ends_with("loaded; try: cat /proc/hi/file\n")
    );
    assert_eq!(
        fs::read_to_string(made.at("loads"))
            .unwrap()
            .lines()
            .count(),
        2
    );

    assert_eq!(made.remove(), "hi: unloaded\n");
    assert!(!made.at("sys/module/hi").exists());
}

#[test]
fn nothing_is_loaded_where_somebody_said_so_or_the_kernel_is_a_hosts() {
    let made = Made::new();
    made.runs();
    made.write("usr/lib/modules-load.d/hi.conf", "hi\n");
    made.write("etc/modules-load.d/hi.conf", "");
    let said = made.configure();
    assert!(
        said.contains("not loaded: masked by /etc/modules-load.d/hi.conf; by hand: modprobe hi"),
        "{said}"
    );
    fs::remove_file(made.at("etc/modules-load.d/hi.conf")).unwrap();

    let hosts: [(&str, &str); 3] = [
        ("usr/bin/systemd-detect-virt", "[ \"$2\" = --container ]"),
        ("usr/bin/systemd-detect-virt", "[ \"$2\" = --chroot ]"),
        ("usr/bin/ischroot", "exit 0"),
    ];
    for (program, script) in hosts {
        made.program(program, script);
        let said = made.configure();
        assert!(
            said.contains("not loaded: this is a chroot or a container"),
            "{said}"
        );
    }
    made.program("usr/bin/ischroot", "exit 1");
    fs::remove_file(made.at("usr/bin/systemd-detect-virt")).unwrap();
    made.write("proc/1/environ", "A=b\0container=lxc\0");
    assert!(made.configure().contains("a chroot or a container"));
    // Without /proc the system does not own a kernel.
    fs::remove_dir_all(made.at("proc")).unwrap();
    assert!(made.configure().contains("a chroot or a container"));
    assert!(!Path::new(&made.at("loads")).exists());
}

#[test]
fn a_kernel_that_refuses_the_key_is_explained() {
    let made = Made::new();
    made.runs();
    let refuse =
        "echo \"modprobe: ERROR: could not insert 'hi': Key was rejected by service\" >&2; exit 1";
    made.program("usr/sbin/modprobe", refuse);
    let said = made.configure();
    assert!(
        said.contains("the running kernel refused to load it:\n    modprobe: ERROR"),
        "{said}"
    );
    assert!(
        said.contains("Secure Boot") && said.contains("apt install openssl"),
        "{said}"
    );
    made.program(
        "usr/sbin/modprobe",
        "echo 'Operation not permitted'; exit 1",
    );
    assert!(!made.configure().contains("Secure Boot"));
    made.write(
        "sys/kernel/security/lockdown",
        "none [integrity] confidentiality",
    );
    assert!(made.configure().contains("Secure Boot"));
}

#[test]
fn an_older_module_stays_loaded_if_the_kernel_would_refuse_the_new_one() {
    let made = Made::new();
    made.runs();
    made.configure();
    made.write("sys/module/module/parameters/sig_enforce", "Y\n");
    let mut module = object::write::Object::new(
        object::BinaryFormat::Elf,
        object::Architecture::X86_64,
        object::Endianness::Little,
    );
    module.add_section(
        Vec::new(),
        b".modinfo".to_vec(),
        object::SectionKind::ReadOnlyData,
    );
    fs::write(made.at("hi.ko"), module.write().unwrap()).unwrap();
    let said = made.configure();
    assert!(
        said.contains("the older module stays loaded: the running kernel would refuse the new one")
            && said.contains("apt install openssl"),
        "{said}"
    );
    assert!(made.at("sys/module/hi").exists());
    made.write("sys/module/module/parameters/sig_enforce", "N\n");
    made.write("sys/kernel/security/lockdown", "[none] integrity");
    assert!(made.configure().contains("loaded hi"));
}

#[test]
fn a_new_module_that_does_not_load_is_told_with_what_became_of_the_older_one() {
    let made = Made::new();
    made.runs();
    made.configure();
    made.program("usr/sbin/modprobe", "echo 'No such device'; exit 1");
    let said = made.configure();
    assert!(
        said.contains(
            "hi: built, but the running kernel refused to load it:\n    No such device\nhi: the \
             older module was unloaded before, so none is loaded now; to load the new one by hand: \
             modprobe hi\n"
        ),
        "{said}"
    );
    // Now there is no older one any more.
    assert!(!made.configure().contains("was unloaded"));
    made.program("usr/sbin/modprobe", "exit 0");
    fs::create_dir(made.at("sys/module/hi")).unwrap();
    let said = made.configure();
    assert!(
        said.contains("blacklisted") && said.contains("was unloaded"),
        "{said}"
    );
    // If nothing was built, nothing is said of a build.
    made.write("fails-build", "");
    made.program("usr/sbin/modprobe", "echo 'No such device'; exit 1");
    let said = made.configure();
    assert!(
        said.contains("hi: the running kernel refused to load it:"),
        "{said}"
    );
}

#[test]
fn a_module_that_does_not_go_holds_nobody_up() {
    let made = Made::new();
    made.runs();
    made.configure();
    made.program("usr/sbin/rmmod", "sleep 60 & echo waiting; exec sleep 60");
    let start = std::time::Instant::now();
    let said = made.remove();
    assert!(start.elapsed().as_secs() < 30);
    assert!(
        said.contains("has not returned; the module is unloaded when it does"),
        "{said}"
    );
    assert_eq!(made.has(OLD), None);
}

/// Runs `work` in a thread of its own, in which [`interrupt`] has an effect.
fn in_a_thread(work: impl FnOnce() + Send) {
    std::thread::scope(|scope| scope.spawn(work).join().unwrap());
}

/// Does to this thread what Ctrl-C does to the process.
fn interrupt() {
    child::watch_signals().unwrap();
    nix::sys::signal::raise(nix::sys::signal::Signal::SIGINT).unwrap();
    assert!(child::interrupted());
}

#[test]
fn what_an_interrupt_seems_to_say_of_kernels_is_neither_told_nor_remembered() {
    let no_rustc = |_: &System, release: &Release| -> Result<Planned, Refusal> {
        interrupt();
        Err(Refusal::new(release, "no rustc", "apt install rustc"))
    };
    let no_tree = |_: &System, _: &Release| -> Result<Planned, Refusal> {
        let long: Work = Box::new(|_| {
            interrupt();
            Err(anyhow!("interrupted"))
        });
        Ok(Planned {
            long: Some((Way::Linked, long)),
            tree: "a tree".into(),
        })
    };
    for (planner, says) in [
        (no_rustc as Planner, ""),
        (
            no_tree,
            "hi: building for 6.12.1-amd64: its Rust metadata (linked), and then the module\n",
        ),
    ] {
        let made = Made::new();
        let system = made.system.clone();
        in_a_thread(move || {
            let voice = Voice::of("hi");
            configure_by(&system, planner, &voice, "hi", None, &Wanted::default());
            assert_eq!(voice.said(), says);
        });
        assert_eq!((made.outcome(OLD), made.outcome(NEW)), (None, None));
        assert!(!made.calls().contains("build"));
        assert!(made.retry().contains("hi: built for 7.3.4-amd64\n"));
    }
}

#[test]
fn an_interrupted_hook_of_dkms_remembers_nothing() {
    let made = Made::new();
    made.configure();
    in_a_thread(|| {
        let release = NEW.parse().unwrap();
        let hook = super::hook::Hook::of(&made.system, "hi", "1", &release);
        interrupt();
        hook.refused(&Refusal::new(&release, "no rustc", "apt install rustc"));
        hook.failed(&made.at("none"), "a tree");
    });
    assert_eq!(made.outcome(NEW), built("1"));
}

#[test]
fn an_interrupted_removal_is_left_to_the_next_one() {
    let made = Made::new();
    made.configure();
    made.write("fails-remove", "");
    let system = made.system.clone();
    in_a_thread(move || {
        let voice = Voice::of("hi");
        interrupt();
        remove_by(&system, &voice, "hi", &[]);
        assert_eq!(voice.said(), "");
    });
    assert!(made.has(OLD).is_some() && made.at("var/lib/dkms/hi/1").exists());
}

#[test]
fn what_the_hook_remembers_while_a_package_is_configured_stays() {
    let made = Made::new();
    // A kernel arrives while modules are built for the others.
    let arrives = |system: &System, release: &Release| {
        if release.as_str() == NEW {
            for other in [OLD, "8.0.0-amd64"] {
                let other = other.parse().unwrap();
                let hook = super::hook::Hook::of(system, "hi", "1", &other);
                hook.refused(&Refusal::new(&other, "no headers", "apt install headers"));
            }
        }
        fine(system, release)
    };
    made.configure_with(arrives);
    for kernel in [OLD, "8.0.0-amd64"] {
        let told = match made.outcome(kernel) {
            Some(Outcome::Refused { told, .. }) => told,
            other => panic!("{kernel}: {other:?}"),
        };
        assert!(!told);
    }
    assert_eq!(made.outcome(NEW), built("1"));
}
