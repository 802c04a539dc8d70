// SPDX-License-Identifier: GPL-2.0-only

//! `xtask demo`: shows the main job. Boots a stock Debian with a stock kernel, installs
//! procdriver-dkms with apt, and reads Hello from `/proc/1999_proc/mydrive`. May use `guest` and
//! all rooms below it.

use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Result, anyhow};

use crate::debian::kernels::TESTED;
use crate::debian::root::Root;
use crate::debian::{provision, setup, warm};
use crate::guest::full_guest::{self, PACKAGE_LIFE, Payload};
use crate::guest::{image, problems, serial};
use crate::host::project::Project;
use crate::host::ui;
use crate::package::{deb, repo};

/// Runs the demo. Returns false if the main job did not work.
pub fn task(project: &Project) -> Result<bool> {
    setup::begin()?;
    let (root, repo) = prepare(project)?;
    let (warm, system) = warm_and_image(project, &root, &repo)?;
    ui::say(&format!("the disk image is {}", system.display()));
    ui::say(
        "prepared outside the guest, for speed: the Debian root with its compilers; dkms-rust's",
    );
    ui::say(
        "  cache of the kernel's Rust metadata (an emulated guest would need a quarter of an hour",
    );
    ui::say("  for it); and modules of the kernel for hardware that the guest lacks are left out.");
    ui::say("all the rest happens inside, now:");
    let payload = Payload {
        script: PACKAGE_LIFE,
        repo: &repo,
        more: &[],
        warm: &warm,
        words: "",
        files: &[],
        timeout: full_guest::TIMEOUT,
    };
    ui::say("boot Debian in QEMU ...");
    let mut screen = Screen::default();
    let outcome = full_guest::run(project, &root, &payload, "demo", &mut |line| {
        screen.show(line)
    })?;
    let problems = problems::of(&outcome);
    ui::say("");
    for problem in &problems {
        ui::say(problem);
    }
    let seconds = ui::elapsed().as_secs_f64();
    ui::say(&if problems.is_empty() {
        format!(
            "MAIN JOB WORKS: apt install brought /proc/1999_proc/mydrive to kernel {} and apt \
             remove took it away ({seconds:.0} s in all)",
            root.release
        )
    } else {
        format!(
            "MAIN JOB FAILED on kernel {} ({seconds:.0} s in all)",
            root.release
        )
    });
    Ok(problems.is_empty())
}

/// Makes the root and the repository in parallel: one waits for the network, the other computes.
pub fn prepare(project: &Project) -> Result<(Root, PathBuf)> {
    thread::scope(|scope| {
        let root = scope.spawn(|| provision::base(project, TESTED));
        let repo = deb::build(project).and_then(|debs| repo::build(project, &debs));
        let root = root
            .join()
            .map_err(|_| anyhow!("provisioning panicked"))??;
        Ok((root, repo?))
    })
}

/// Makes the warmed cache and the disk image in parallel.
pub fn warm_and_image(project: &Project, root: &Root, repo: &Path) -> Result<(PathBuf, PathBuf)> {
    thread::scope(|scope| {
        let system = scope.spawn(|| image::system(project, root));
        let warm = warm::cache(project, root, &root.release, repo);
        let system = system
            .join()
            .map_err(|_| anyhow!("making the image panicked"))??;
        Ok((warm?, system))
    })
}

/// Shows what the guest does. During boot it only shows that the kernel has started.
#[derive(Default)]
pub struct Screen {
    begun: bool,
    lines: usize,
}

impl Screen {
    /// Handles one line of console output.
    pub fn show(&mut self, line: &str) {
        self.lines += 1;
        if let Some(kernel) = line.strip_prefix(serial::BEGIN) {
            self.begun = true;
            ui::say(&format!("systemd is up: {kernel}"));
        } else if !self.begun {
            if self.lines == 1 {
                ui::say("  the kernel speaks");
            }
        } else if let Some(rest) = line.strip_prefix(serial::CASE) {
            ui::say(&format!("  => {rest}"));
        } else if !line.starts_with(serial::END) && !serial::is_mark(line) {
            println!("    {line}");
        }
    }
}
