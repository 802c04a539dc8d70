// SPDX-License-Identifier: GPL-2.0-only

//! The number of reads in a fixed time, with one reader and with two, alone and with a concurrent
//! writer.

use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context as _;
use anyhow::anyhow;
use anyhow::ensure;
use nix::fcntl::OFlag;
use nix::sched::CpuSet;
use nix::sched::sched_setaffinity;
use nix::sys::uio::pread;
use nix::sys::uio::pwrite;
use nix::unistd::Pid;

use super::Measure;
use super::in_turns;
use super::subjects::Subject;
use super::subjects::bring_all;
use crate::drive::GREETING;

/// Many short rounds, so that other load on the machine affects all modules alike.
const ROUNDS: usize = 41;

/// How long a round takes for one module.
const WHILE: Duration = Duration::from_millis(100);

/// The number of reads between two looks at the clock.
const READS: u64 = 64;

const PROCESSORS: usize = 2;

/// The measures.
pub const MEASURES: &[Measure] = &[
    ("reads-1", || reads("reads-1", 1, false)),
    ("reads-2", || reads("reads-2", 2, false)),
    ("reads-1-writer", || reads("reads-1-writer", 1, true)),
    ("reads-2-writer", || reads("reads-2-writer", 2, true)),
];

fn reads(name: &str, readers: usize, writer: bool) -> anyhow::Result<()> {
    bring_all(GREETING.len())?;
    let wanted = |subject: &Subject| subject.is_written() || !writer;
    in_turns(name, ROUNDS, wanted, |subject| {
        round(subject, readers, writer)
    })
}

/// Returns the reads per second of all readers together.
fn round(subject: &Subject, readers: usize, writer: bool) -> anyhow::Result<f64> {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let writer = writer.then(|| scope.spawn(|| write(subject, &over)));
        let readers: Vec<_> = (0..readers)
            .map(|number| scope.spawn(move || read(subject, number)))
            .collect();
        let mut all = 0.0;
        for reader in readers {
            all += reader.join().map_err(|_| anyhow!("a reader panicked"))??;
        }
        over.store(true, Ordering::Relaxed);
        if let Some(writer) = writer {
            writer
                .join()
                .map_err(|_| anyhow!("the writer panicked"))??;
        }
        Ok(all)
    })
}

fn read(subject: &Subject, number: usize) -> anyhow::Result<f64> {
    stay_on(number)?;
    let file = subject.open(OFlag::O_RDONLY)?;
    let mut buffer = [0; 64];
    let wanted = subject.says(GREETING.len());
    let mut count = 0;
    let begin = Instant::now();
    while begin.elapsed() < WHILE {
        for _ in 0..READS {
            let got = pread(&file, &mut buffer, 0).context("reading")?;
            ensure!(got == wanted, "a read gave {got} bytes instead of {wanted}");
        }
        count += READS;
    }
    Ok(count as f64 / begin.elapsed().as_secs_f64())
}

/// Writes without a pause. With two readers it shares the second one's processor.
fn write(subject: &Subject, over: &AtomicBool) -> anyhow::Result<()> {
    stay_on(PROCESSORS - 1)?;
    let file = subject.open(OFlag::O_WRONLY)?;
    while !over.load(Ordering::Relaxed) {
        pwrite(&file, GREETING, 0).context("writing")?;
    }
    Ok(())
}

/// Pins this thread to one processor.
fn stay_on(processor: usize) -> anyhow::Result<()> {
    let mut set = CpuSet::new();
    set.set(processor % PROCESSORS).context("a processor")?;
    sched_setaffinity(Pid::from_raw(0), &set).context("staying on a processor")
}
