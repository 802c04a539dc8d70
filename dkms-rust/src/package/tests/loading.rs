// SPDX-License-Identifier: GPL-2.0-only

//! Loading the module, and replacing an older one.

use super::*;

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
