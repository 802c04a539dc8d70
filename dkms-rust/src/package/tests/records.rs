// SPDX-License-Identifier: GPL-2.0-only

//! What dkms has of a package, and has lost track of.

use super::*;
use crate::status::module_file::tests::module as made_module;

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
    let says_so = made_module(&["dkms_rust=linked by rustc 1.96.1; headers 0"], b"");
    fs::write(made.at("hi.ko"), says_so).unwrap();
    made.configure();
    let file = |kernel| made.at(&format!("lib/modules/{kernel}/updates/dkms/hi.ko"));
    let release = OLD.parse().unwrap();
    let hook = Hook::of(&made.system, "hi", "1", &release);
    hook.make_room();
    assert!(file(OLD).exists());
    fs::remove_dir_all(made.at("var/lib/dkms/hi")).unwrap();
    hook.make_room();
    assert!(!file(OLD).exists() && file(NEW).exists());
}

#[test]
fn a_kernel_s_own_module_that_dkms_has_put_back_is_not_one_that_it_lost_track_of() {
    let made = Made::new();
    made.configure();
    let own = made_module(&["license=GPL", "version=1"], b"the kernel's");
    let aside = format!("var/lib/dkms/hi/original_module/{OLD}/x86_64/hi.ko");
    made.write(&aside, "");
    fs::write(made.at(&aside), &own).unwrap();
    // This is what dkms does before a kernel is installed again; then comes its hook.
    made.dkms(&format!("unbuild -m hi -v 1 -k {OLD}"));
    let file = made.at(&format!("lib/modules/{OLD}/updates/dkms/hi.ko"));
    let release = OLD.parse().unwrap();
    Hook::of(&made.system, "hi", "1", &release).make_room();
    assert_eq!(fs::read(file).unwrap(), own);
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
    Hook::of(&made.system, "hi", "1", &release).make_room();
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
    let left = || crate::system::names_in(&made.system.state());
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
        crate::system::names_in(&made.at("var/lib/dkms/hi")),
        ["original_module"]
    );
    assert_eq!((made.has(OLD), made.has(NEW)), (None, None));
    fs::remove_file(made.at(&aside)).unwrap();
    assert_eq!(made.remove(), "");
    assert!(!made.at("var/lib/dkms/hi").exists());
}
