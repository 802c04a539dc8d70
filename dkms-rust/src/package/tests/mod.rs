// SPDX-License-Identifier: GPL-2.0-only

//! The life cycle of a package on a made-up system.

mod interrupted;
mod loading;
mod made;
mod prebuilt;
mod records;

use super::configure::{Wanted, configure_by};
use super::hook::Hook;
use super::planned::{Planned, Planner, Work};
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
        said.contains("after fixing this, type: dkms-rust package configure hi"),
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
        said.contains(line) && !said.contains("after fixing this"),
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
    let hook = Hook::of(&made.system, "hi", "1", &release);
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
    let hook = Hook::of(&made.system, "hi", "2", &release);
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
    assert!(said.contains("after fixing this"), "{said}");
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
    let hook = Hook::of(&made.system, "hi", "1", &release);
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
fn dkms_may_be_told_to_leave_a_single_kernel_alone() {
    let made = Made::new();
    made.write(&format!("etc/dkms/hi-1-{OLD}.conf"), "AUTOINSTALL=\"\"\n");
    let said = made.configure();
    let told = format!(
        "not built for {OLD}: /etc/dkms/hi-1-{OLD}.conf turns automatic builds off; by hand: dkms \
         install hi/1 -k {OLD}\n"
    );
    assert!(said.contains(&told), "{said}");
    assert_eq!((made.has(OLD), made.has(NEW).as_deref()), (None, Some("1")));
    assert_eq!((made.retry(), made.has(OLD)), Default::default());
    // The file of a kernel counts more than that of the package, and a file of any version more
    // than both.
    made.write("etc/dkms/hi.conf", "AUTOINSTALL=no\n");
    made.write(&format!("etc/dkms/hi--{OLD}.conf"), "AUTOINSTALL=yes\n");
    assert!(made.retry().contains(&format!("built for {OLD}")));
}

#[test]
fn an_upgrade_under_way_is_its_own_postinsts_to_finish() {
    let made = Made::new();
    made.configure();
    made.calls();
    made.source("2");
    assert_eq!((made.retry(), made.calls()), Default::default());
}
