// SPDX-License-Identifier: GPL-2.0-only

//! Faults on demand: a kernel with fault injection lets the Nth thing in a system call fail that
//! can fail, be it that memory is taken or that a byte comes from or goes to the process.

use std::fs;
use std::fs::File;
use std::fs::OpenOptions;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use anyhow::Context as _;
use anyhow::bail;
use anyhow::ensure;
use nix::errno::Errno;

use crate::check::skip;

/// How the kernel is asked for it, for this thread alone.
const COUNTER: &str = "/proc/thread-self/fail-nth";

/// A file of debugfs, and what is written to it.
const SETTINGS: &[(&str, &str)] = &[
    // Otherwise only those fail that may not wait.
    ("failslab/ignore-gfp-wait", "N"),
    ("fail_page_alloc/ignore-gfp-wait", "N"),
    ("fail_page_alloc/ignore-gfp-highmem", "N"),
    // A stack trace for each of thousands is of no use.
    ("failslab/verbose", "0"),
    ("fail_page_alloc/verbose", "0"),
    ("fail_usercopy/verbose", "0"),
];

/// A call in which more can fail than this does not come to an end.
const MOST: u32 = 20_000;

fn set(name: &str, value: &str) -> anyhow::Result<()> {
    let path = Path::new("/sys/kernel/debug").join(name);
    fs::write(&path, value).with_context(|| format!("writing {value} to {}", path.display()))
}

/// What a sweep came to.
#[derive(Debug, Default, Clone, Copy)]
pub struct Sweep {
    /// How many faults there were, one in each call.
    pub faults: u32,
    /// How many of those calls failed; the others did without what they did not get.
    pub refused: u32,
}

/// The kernel's counter, armed for one call at a time.
pub struct Faults(File);

impl Faults {
    /// Gets ready; ends the case as skipped on a kernel without fault injection.
    pub fn prepare() -> anyhow::Result<Self> {
        if !Path::new(COUNTER).exists() {
            return skip("this kernel has no fault injection");
        }
        for (name, value) in SETTINGS {
            set(name, value)?;
        }
        let file = OpenOptions::new().read(true).write(true).open(COUNTER);
        let faults = Self(file.with_context(|| format!("opening {COUNTER}"))?);
        faults.of_pages(true)?;
        Ok(faults)
    }

    /// Whether whole pages are among what can fail. How many of them a call takes differs from time
    /// to time, by what caches have; without them the Nth thing is the same each time.
    pub fn of_pages(&self, wanted: bool) -> anyhow::Result<()> {
        set("fail_page_alloc/min-order", if wanted { "0" } else { "99" })
    }

    /// Makes the call again and again, and each time the next thing fails that can fail in it,
    /// until there is none left. Before each call is `set`, and after it, in peace, `judge`.
    pub fn sweep<P, T>(
        &self,
        mut set: impl FnMut() -> anyhow::Result<P>,
        mut call: impl FnMut(&P) -> nix::Result<T>,
        mut judge: impl FnMut(P, nix::Result<T>) -> anyhow::Result<()>,
    ) -> anyhow::Result<Sweep> {
        let mut sweep = Sweep::default();
        for nth in 1..=MOST {
            let place = set()?;
            self.arm(nth)?;
            let answer = call(&place);
            let fired = self.disarm()?;
            ensure!(
                fired || answer.is_ok(),
                "without a fault it came to {:?}",
                answer.err()
            );
            sweep.faults += u32::from(fired);
            sweep.refused += u32::from(answer.is_err());
            judge(place, answer).with_context(|| format!("with fault {nth}"))?;
            if !fired {
                return Ok(sweep);
            }
        }
        bail!("still faults after {MOST}")
    }

    fn arm(&self, nth: u32) -> anyhow::Result<()> {
        self.0
            .write_all_at(nth.to_string().as_bytes(), 0)
            .with_context(|| format!("asking for fault {nth}"))
    }

    /// Whether it came to the fault. To ask is a call too, in which it can come to it.
    fn disarm(&self) -> anyhow::Result<bool> {
        let mut text = [0; 16];
        let fired = match self.0.read_at(&mut text, 0) {
            Ok(length) => text[..length].trim_ascii() == b"0",
            Err(error) if error.raw_os_error() == Some(Errno::EFAULT as i32) => false,
            Err(error) => return Err(error).context("asking whether the fault came"),
        };
        // The first may meet the fault itself.
        self.arm(0).or_else(|_| self.arm(0))?;
        Ok(fired)
    }
}
