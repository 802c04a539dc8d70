// SPDX-License-Identifier: GPL-2.0-only

//! Fault injection: makes the Nth fallible operation in a system call fail, be it an allocation or
//! a copy from or to the process. The kernel must be built for it.

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

/// The file that requests a fault, for the current thread only.
const COUNTER: &str = "/proc/thread-self/fail-nth";

/// Files in debugfs, and the values to write to them.
const SETTINGS: &[(&str, &str)] = &[
    // By default only those allocations fail that may not wait.
    ("failslab/ignore-gfp-wait", "N"),
    ("fail_page_alloc/ignore-gfp-wait", "N"),
    ("fail_page_alloc/ignore-gfp-highmem", "N"),
    // A stack trace for each of thousands of faults is of no use.
    ("failslab/verbose", "0"),
    ("fail_page_alloc/verbose", "0"),
    ("fail_usercopy/verbose", "0"),
];

/// The limit of faults in one call; the sweep gives up if a call can have more.
const MOST: u32 = 20_000;

fn set(name: &str, value: &str) -> anyhow::Result<()> {
    let path = Path::new("/sys/kernel/debug").join(name);
    fs::write(&path, value).with_context(|| format!("writing {value} to {}", path.display()))
}

/// The result of a sweep.
#[derive(Debug, Default, Clone, Copy)]
pub struct Sweep {
    /// The number of faults that occurred, one in each call.
    pub faults: u32,
    /// The number of calls that failed; the others succeeded in spite of the fault.
    pub refused: u32,
}

/// The kernel's fault counter, armed for one call at a time.
pub struct Faults(File);

impl Faults {
    /// Configures fault injection. Skips the case on a kernel without it.
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

    /// Includes or excludes page allocations. The number of pages that a call allocates varies with
    /// what the caches hold; without them the Nth operation is the same each time.
    pub fn of_pages(&self, wanted: bool) -> anyhow::Result<()> {
        set("fail_page_alloc/min-order", if wanted { "0" } else { "99" })
    }

    /// Makes the call again and again, with a fault in the first operation that can fail, then in
    /// the second, and so on, until a call meets no fault. Before each call `set` runs, and after
    /// it `judge`, both without faults.
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

    /// Disarms the counter and returns whether the fault occurred. Asking for it is a system call
    /// too, in which a pending fault can occur.
    fn disarm(&self) -> anyhow::Result<bool> {
        let mut text = [0; 16];
        let fired = match self.0.read_at(&mut text, 0) {
            Ok(length) => text[..length].trim_ascii() == b"0",
            Err(error) if error.raw_os_error() == Some(Errno::EFAULT as i32) => false,
            Err(error) => return Err(error).context("asking whether the fault came"),
        };
        // The first write may meet the pending fault.
        self.arm(0).or_else(|_| self.arm(0))?;
        Ok(fired)
    }
}
