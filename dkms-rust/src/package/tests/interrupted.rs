// SPDX-License-Identifier: GPL-2.0-only

//! Interrupts, and two processes at once.

use super::*;

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
        let hook = Hook::of(&made.system, "hi", "1", &release);
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
                let hook = Hook::of(system, "hi", "1", &other);
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
