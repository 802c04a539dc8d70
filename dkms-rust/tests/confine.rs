// SPDX-License-Identifier: GPL-2.0-only

//! Tests that a program started by `launch::confined` can do its work in its own directory, but no
//! harm outside of it.
//!
//! This test has its own `main`, because the usual test harness starts threads. It starts itself as
//! the launcher and as the confined program. It also runs in the test guest, on stock kernels.

use dkms_rust::system::{confine, launch, search};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::{getppid, test_kill_process};
use rustix::system::uname;
use rustix::thread::{CapabilitySet, capabilities, set_capabilities, set_no_new_privs};
use std::collections::BTreeMap;
use std::env;
use std::fs::{self, Permissions};
use std::io::{self, ErrorKind};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::path::Path;
use std::process::{Command, ExitCode};
use std::thread;

/// The directory outside, and the port that must not be reached.
const OUTSIDE: &str = "DKMS_RUST_TEST_OUTSIDE";
const PORT: &str = "DKMS_RUST_TEST_PORT";

/// How many more times the process has to be confined.
const MORE: &str = "DKMS_RUST_TEST_MORE";

/// How many times Landlock lets a process be confined.
const MOST: u32 = 16;

/// The name of an attempt, and the attempt itself. It gets the path of a directory outside.
type Attempt = (&'static str, fn(&Path) -> io::Result<()>);

/// The usual work of a compiler.
const WORK: &[Attempt] = &[
    ("write", |_| fs::write("file", "text")),
    ("overwrite", |_| fs::write("file", "other")),
    ("write-to-null", |_| fs::write("/dev/null", "text")),
    ("make-directories", |_| fs::create_dir_all("a/b")),
    // As rustc does with metadata, which it first writes to a temporary directory.
    ("move", |_| fs::rename("file", "a/b/file")),
    ("link", |_| fs::hard_link("a/b/file", "a/link")),
    ("make-executable", |_| {
        fs::set_permissions("a/link", Permissions::from_mode(0o755))
    }),
    ("remove", |_| fs::remove_file("a/b/file")),
    ("read-elsewhere", |outside| {
        fs::read(outside.join("there")).map(drop)
    }),
];

/// Harmful attempts, the first Linux that keeps everybody from each, and what keeps root from it
/// before.
const HARM: &[(Attempt, (u32, u32), Means)] = &[
    (
        ("create", |to| fs::write(to.join("new"), "")),
        LANDLOCK,
        Means::Landlock,
    ),
    (
        ("overwrite-there", |to| fs::write(to.join("there"), "harm")),
        LANDLOCK,
        Means::Landlock,
    ),
    (
        ("make-directory", |to| fs::create_dir(to.join("dir"))),
        LANDLOCK,
        Means::Landlock,
    ),
    (
        ("link-out", |to| fs::hard_link("a/link", to.join("link"))),
        LANDLOCK,
        Means::Landlock,
    ),
    (
        ("move-out", |to| fs::rename("a/link", to.join("moved"))),
        LANDLOCK,
        Means::Landlock,
    ),
    (
        ("remove-there", |to| fs::remove_file(to.join("gone"))),
        LANDLOCK,
        Means::Landlock,
    ),
    (
        ("change-mode", |to| {
            fs::set_permissions(to.join("there"), Permissions::from_mode(0o666))
        }),
        NEVER,
        Means::Namespace,
    ),
    (("make-device", |_| device()), LANDLOCK, Means::Privilege),
    (
        ("tcp", |_| {
            TcpStream::connect(("127.0.0.1", port())).map(drop)
        }),
        (6, 7),
        Means::Namespace,
    ),
    (
        ("udp", |_| {
            UdpSocket::bind("127.0.0.1:0")?
                .send_to(b"x", ("127.0.0.1", port()))
                .map(drop)
        }),
        (7, 2),
        Means::Namespace,
    ),
    (("signal", |_| signal()), (6, 12), Means::Landlock),
    (
        ("abstract-socket", |_| {
            UnixStream::connect_addr(&name()?).map(drop)
        }),
        (6, 12),
        Means::Namespace,
    ),
    (
        ("named-socket", |to| {
            UnixStream::connect(to.join("socket")).map(drop)
        }),
        (7, 1),
        Means::Landlock,
    ),
];

const LANDLOCK: (u32, u32) = (5, 19);
const NEVER: (u32, u32) = (u32::MAX, 0);

/// How an older kernel can keep root from it.
#[derive(Clone, Copy, PartialEq)]
enum Means {
    /// Not at all: only Landlock does.
    Landlock,
    /// With a namespace, which needs privileges.
    Namespace,
    /// By taking privileges away: nobody but root could do it anyway.
    Privilege,
}

fn main() -> ExitCode {
    if let Some(code) = launch::run_if_called() {
        return code;
    }
    if let Ok(more) = env::var(MORE) {
        once_more(more.parse().unwrap());
        return ExitCode::SUCCESS;
    }
    if let Some(outside) = env::var_os(OUTSIDE) {
        act(Path::new(&outside));
        return ExitCode::SUCCESS;
    }
    let can = confine::possible();
    if !can.files {
        println!("skipped: this kernel has no Landlock that is of use (confined: {can})");
        return ExitCode::SUCCESS;
    }
    a_program_can_t_do_harm();
    // The same with Landlock alone.
    thread::spawn(|| {
        give_up(CapabilitySet::SYS_ADMIN);
        a_program_can_t_do_harm();
    })
    .join()
    .unwrap();
    make_does_its_work_and_no_more();
    where_nothing_confines_it_runs_all_the_same();
    ExitCode::SUCCESS
}

/// Takes a privilege from this thread and all its future children.
fn give_up(privilege: CapabilitySet) {
    let mut sets = capabilities(None).unwrap();
    sets.effective -= privilege;
    sets.permitted -= privilege;
    set_capabilities(None, sets).unwrap();
    set_no_new_privs(true).unwrap();
}

/// Makes all attempts and prints their results.
fn act(outside: &Path) {
    let harm = HARM.iter().map(|(attempt, _, _)| attempt);
    for (name, attempt) in WORK.iter().chain(harm) {
        match attempt(outside) {
            Ok(()) => println!("{name} done"),
            Err(error) => println!("{name} {:?}", error.kind()),
        }
    }
}

fn a_program_can_t_do_harm() {
    let can = |confined| {
        let dir = tempfile::tempdir().unwrap();
        let said = try_all(dir.path(), confined);
        let there = fs::read_to_string(dir.path().join("outside/there")).unwrap();
        assert_eq!(there == "text", confined, "{there}");
        said
    };
    let (free, confined) = (can(false), can(true));
    for (name, _) in WORK {
        assert_eq!(free[*name], "done", "{name}");
        assert_eq!(confined[*name], "done", "{name}");
    }
    let may = |privilege| capabilities(None).unwrap().effective.contains(privilege);
    let (namespaces, devices) = (may(CapabilitySet::SYS_ADMIN), may(CapabilitySet::MKNOD));
    println!("with namespaces: {namespaces}");
    for ((name, _), since, means) in HARM {
        let kept = version() >= *since || namespaces && *means == Means::Namespace;
        let (free, confined) = (&free[*name], &confined[*name]);
        if !kept || *means == Means::Privilege && !devices {
            println!("  {name}: nothing is against it here: {confined}");
            continue;
        }
        assert_ne!(confined, "done", "{name}");
        // If there is no network, only Landlock's own error proves anything.
        let nowhere = format!("{:?}", ErrorKind::NetworkUnreachable);
        if *free == nowhere && version() < *since {
            println!("  {name}: there is no network here to keep it from");
            continue;
        }
        assert!(
            free == "done" || *free == nowhere && confined != free,
            "{name}: unconfined: {free}, confined: {confined}"
        );
        println!("  {name}: {confined}");
    }
}

/// Returns the result of each attempt.
fn try_all(dir: &Path, confined: bool) -> BTreeMap<String, String> {
    let (tree, outside) = (dir.join("tree"), dir.join("outside"));
    fs::create_dir(&tree).unwrap();
    fs::create_dir(&outside).unwrap();
    for name in ["there", "gone"] {
        fs::write(outside.join(name), "text").unwrap();
    }
    let _named = UnixListener::bind(outside.join("socket")).unwrap();
    let _abstract = UnixListener::bind_addr(&name().unwrap()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let program = env::current_exe().unwrap();
    let mut command = match confined {
        true => launch::confined(&program, &tree),
        false => launch::command(&program),
    };
    command
        .current_dir(&tree)
        .env(OUTSIDE, &outside)
        .env(PORT, listener.local_addr().unwrap().port().to_string());
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}");
    let lines = said.lines().filter_map(|line| line.split_once(' '));
    lines
        .map(|(name, what)| (name.into(), what.into()))
        .collect()
}

/// Runs recipes like those of kbuild in parallel.
fn make_does_its_work_and_no_more() {
    let Some(make) = search::find_in(search::search_path(), "make") else {
        return println!("skipped: there is no make here");
    };
    let dir = tempfile::tempdir().unwrap();
    let tree = dir.path().join("tree");
    fs::create_dir_all(tree.join("tmp")).unwrap();
    let outside = dir.path().join("outside");
    let makefile = format!(
        "all: a b\na b:\n\techo $@ >$@ 2>/dev/null\n\tcp $@ $$TMPDIR/$@ && mv $$TMPDIR/$@ $@.2\n\
         harm:\n\techo harm >{}\n",
        outside.display()
    );
    fs::write(tree.join("Makefile"), makefile).unwrap();
    let make = |target: &str| {
        let mut command: Command = launch::confined(&make, &tree);
        command
            .args(["-j2", target])
            .env("TMPDIR", tree.join("tmp"));
        command.output().unwrap()
    };
    let output = make("all");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(fs::read_to_string(tree.join("b.2")).unwrap(), "b\n");
    assert!(!make("harm").status.success());
    assert!(!outside.exists());
}

/// A process that has been confined as often as possible can't be confined again.
fn where_nothing_confines_it_runs_all_the_same() {
    let dir = tempfile::tempdir().unwrap();
    confined_again(dir.path(), MOST);
}

fn confined_again(dir: &Path, more: u32) {
    let mut command = launch::confined(&env::current_exe().unwrap(), dir);
    let output = command.env(MORE, more.to_string()).output().unwrap();
    assert!(output.status.success(), "{more}: {output:?}");
}

fn once_more(more: u32) {
    let here = env::current_dir().unwrap();
    if more > 1 {
        return confined_again(&here, more - 1);
    }
    assert_eq!(confine::possible().as_str(), "no");
    let tree = here.join("tree");
    fs::create_dir(&tree).unwrap();
    let mut command = launch::confined(Path::new("/proc/self/exe"), &tree);
    let output = command
        .env_remove(MORE)
        .env(OUTSIDE, &here)
        .env(PORT, "1")
        .output();
    let output = output.unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        said.contains("write done\n") && said.contains("create done\n"),
        "{output:?}"
    );
}

fn port() -> u16 {
    env::var(PORT).unwrap().parse().unwrap()
}

fn signal() -> io::Result<()> {
    Ok(test_kill_process(getppid().unwrap())?)
}

fn device() -> io::Result<()> {
    let mode = Mode::RUSR | Mode::WUSR;
    Ok(mknodat(
        CWD,
        "device",
        FileType::BlockDevice,
        mode,
        rustix::fs::makedev(7, 0),
    )?)
}

fn name() -> io::Result<SocketAddr> {
    SocketAddr::from_abstract_name("dkms-rust-test-confine")
}

fn version() -> (u32, u32) {
    let name = uname();
    let release = name.release().to_str().unwrap();
    let mut parts = release.split(['.', '-']).map(|part| part.parse().unwrap());
    (parts.next().unwrap(), parts.next().unwrap())
}
