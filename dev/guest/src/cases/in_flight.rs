// SPDX-License-Identifier: GPL-2.0-only

//! Reads and writes that are held in the middle of their copy: unloading waits for them, and
//! nothing else does.

use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use anyhow::anyhow;
use anyhow::bail;
use anyhow::ensure;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::unistd::Whence;
use nix::unistd::lseek;

use crate::cases::Case;
use crate::cases::Context;
use crate::cases::writing::pattern;
use crate::check::bytes;
use crate::check::refused;
use crate::check::same;
use crate::drive;
use crate::drive::GREETING;
use crate::drive::LIMIT;
use crate::module;
use crate::module::NAME;
use crate::userfault::MissingPage;

pub const CASES: &[Case] = &[
    Case::loaded("unload-waits-for-a-read-in-flight", waits_for_a_read),
    Case::loaded("unload-waits-for-a-write-in-flight", waits_for_a_write),
    Case::loaded("slow-write-holds-nobody-up", slow_write),
    Case::loaded("slow-write-is-judged-by-what-it-meets", slow_write_judged),
    Case::loaded("slow-read-holds-nobody-up", slow_read),
    Case::absent("unload-with-readers-all-the-time", readers_all_the_time).within(120),
];

/// How long unloading has to wait while a read is held; if nothing holds it, it takes a few
/// milliseconds.
const HELD: Duration = Duration::from_millis(500);

/// A read is held in the middle of its copy. The code that it runs must stay until the read ends.
fn waits_for_a_read(context: &Context) -> anyhow::Result<()> {
    let mut page = MissingPage::new()?;
    let file = drive::open()?;
    let (got, unloaded) = thread::scope(|scope| {
        let held = scope.spawn(|| page.read(&file, 4096));
        page.wait_for_somebody(Duration::from_secs(10))?;
        let unload = scope.spawn(|| module::unload(NAME));
        thread::sleep(HELD);
        let too_early = unload.is_finished();
        // Meanwhile nobody can open the file.
        let late = drive::open_with(drive::FILE, OFlag::O_RDONLY);
        page.release()?;
        let got = held.join().map_err(|_| anyhow!("the reader panicked"))?;
        let unloaded = unload
            .join()
            .map_err(|_| anyhow!("the unloader panicked"))?;
        ensure!(
            !too_early,
            "unloading came to {unloaded:?} while a read was in flight"
        );
        refused("opening while it is unloaded", late, Errno::ENOENT)?;
        anyhow::Ok((got, unloaded))
    })?;
    same("the read that was held", got, Ok(GREETING.len()))?;
    bytes("what it read", &page.content()[..GREETING.len()], GREETING)?;
    same("unloading", unloaded, Ok(()))?;
    drive::expect_absent()?;
    refused(
        "reading afterwards",
        nix::unistd::read(&file, &mut [0; 8]),
        Errno::EIO,
    )?;
    module::load_file(&context.driver).context("loading again")?;
    drive::expect_present()
}

/// Does the same with a write.
fn waits_for_a_write(context: &Context) -> anyhow::Result<()> {
    let page = MissingPage::new()?;
    let file = drive::open_to_write()?;
    let (got, unloaded) = thread::scope(|scope| {
        let held = scope.spawn(|| page.write(&file, 100));
        page.wait_for_somebody(Duration::from_secs(10))?;
        let unload = scope.spawn(|| module::unload(NAME));
        thread::sleep(HELD);
        let too_early = unload.is_finished();
        page.release()?;
        let got = held.join().map_err(|_| anyhow!("the writer panicked"))?;
        let unloaded = unload
            .join()
            .map_err(|_| anyhow!("the unloader panicked"))?;
        ensure!(
            !too_early,
            "unloading came to {unloaded:?} while a write was in flight"
        );
        anyhow::Ok((got, unloaded))
    })?;
    same("the write that was held", got, Ok(100))?;
    same("unloading", unloaded, Ok(()))?;
    drive::expect_absent()?;
    module::load_file(&context.driver).context("loading again")?;
    drive::expect_present()
}

/// While one write waits for its data, others read and write. Then it appends to what they wrote.
fn slow_write(_: &Context) -> anyhow::Result<()> {
    let page = MissingPage::new()?;
    let file = drive::open_with(drive::FILE, OFlag::O_WRONLY | OFlag::O_APPEND)
        .context("opening to append")?;
    let got = thread::scope(|scope| {
        let held = scope.spawn(|| page.write(&file, 2));
        page.wait_for_somebody(Duration::from_secs(10))?;
        let others = (0..100).try_for_each(|_| {
            drive::expect_present()?;
            drive::write(b"in between\n")?;
            drive::expect("writing meanwhile", b"in between\n")?;
            drive::write(GREETING)
        });
        page.release()?;
        others?;
        held.join().map_err(|_| anyhow!("the writer panicked"))
    })?;
    same("the write that was held", got, Ok(2))?;
    drive::expect("it", b"Hello\n\0\0")
}

/// The write is valid when it begins, but not when its data arrives, since the message has changed.
fn slow_write_judged(_: &Context) -> anyhow::Result<()> {
    let long = pattern(LIMIT - 1);
    let cases: [(OFlag, &[u8], Errno); 2] = [
        (OFlag::empty(), b"short", Errno::EINVAL),
        (OFlag::O_APPEND, &long, Errno::EFBIG),
    ];
    for (flags, meanwhile, wanted) in cases {
        let page = MissingPage::new()?;
        drive::write(GREETING)?;
        let file = drive::open_with(drive::FILE, OFlag::O_WRONLY | flags).context("opening")?;
        lseek(&file, GREETING.len() as i64, Whence::SeekSet).context("going to the end")?;
        let got = thread::scope(|scope| {
            let held = scope.spawn(|| page.write(&file, 2));
            page.wait_for_somebody(Duration::from_secs(10))?;
            let written = drive::write(meanwhile);
            page.release()?;
            written?;
            held.join().map_err(|_| anyhow!("the writer panicked"))
        })?;
        refused("the write that was held", got, wanted)?;
        let position = drive::position(&file)?;
        same("position after it", position, GREETING.len() as i64)?;
        drive::expect("it was refused", meanwhile)?;
    }
    Ok(())
}

/// While one read waits for its buffer, others write. It returns the message that it began with.
fn slow_read(_: &Context) -> anyhow::Result<()> {
    let mut page = MissingPage::new()?;
    let file = drive::open()?;
    let got = thread::scope(|scope| {
        let held = scope.spawn(|| page.read(&file, 4096));
        page.wait_for_somebody(Duration::from_secs(10))?;
        let others = (0..100).try_for_each(|_| {
            drive::write(b"another\n")?;
            drive::expect("writing meanwhile", b"another\n")?;
            let begun = nix::sys::uio::pread(&file, &mut [0; 16], 0);
            same("a read of the same open file", begun, Ok(8))
        });
        page.release()?;
        others?;
        held.join().map_err(|_| anyhow!("the reader panicked"))
    })?;
    same("the read that was held", got, Ok(GREETING.len()))?;
    bytes("what it read", &page.content()[..GREETING.len()], GREETING)
}

const OPENERS: usize = 3;
const PREADERS: usize = 2;
const UNLOADS: usize = 25;

/// What the readers got.
#[derive(Default)]
struct Met {
    stop: AtomicBool,
    greetings: AtomicU64,
    gone: AtomicU64,
}

impl Met {
    /// Counts the greeting, and the two errors of a file that is being removed. Anything else is
    /// wrong.
    fn note(&self, got: nix::Result<Vec<u8>>) -> anyhow::Result<()> {
        match got {
            Ok(text) if text == GREETING => self.greetings.fetch_add(1, Ordering::Relaxed),
            Err(Errno::EIO | Errno::ENOENT) => self.gone.fetch_add(1, Ordering::Relaxed),
            Ok(text) => bail!("a reader got {:?}", String::from_utf8_lossy(&text)),
            Err(error) => bail!("a reader got {error}"),
        };
        Ok(())
    }

    /// Opens, reads and closes the file, as fast as possible.
    fn open_and_read(&self) -> anyhow::Result<()> {
        while !self.stop.load(Ordering::Relaxed) {
            let file = drive::open_with(drive::FILE, OFlag::O_RDONLY);
            self.note(file.and_then(|file| read_whole(&file)))?;
        }
        Ok(())
    }

    /// Reads through one descriptor until it fails, then opens another one.
    fn pread_on_one(&self) -> anyhow::Result<()> {
        while !self.stop.load(Ordering::Relaxed) {
            let file = match drive::open_with(drive::FILE, OFlag::O_RDONLY) {
                Ok(file) => file,
                Err(error) => {
                    self.note(Err(error))?;
                    continue;
                }
            };
            let mut alive = true;
            while alive && !self.stop.load(Ordering::Relaxed) {
                let mut buffer = [0; 16];
                let got = nix::sys::uio::pread(&file, &mut buffer, 0);
                alive = got.is_ok();
                self.note(got.map(|got| buffer[..got.min(buffer.len())].to_vec()))?;
            }
        }
        Ok(())
    }
}

/// Reads to the end, so that a greeting counts only if its end could be read too.
fn read_whole(file: &std::os::fd::OwnedFd) -> nix::Result<Vec<u8>> {
    drive::read_to_end(file, 64)
}

fn load_and_unload(context: &Context) -> anyhow::Result<()> {
    for round in 0..UNLOADS {
        let what = || format!("round {round}, with readers");
        module::load_file(&context.driver).with_context(|| format!("{}: loading", what()))?;
        thread::sleep(Duration::from_millis(20));
        module::unload(NAME).with_context(|| format!("{}: unloading", what()))?;
        drive::expect_absent().with_context(what)?;
    }
    Ok(())
}

fn readers_all_the_time(context: &Context) -> anyhow::Result<()> {
    let met = Met::default();
    thread::scope(|scope| {
        let mut threads: Vec<_> = (0..OPENERS)
            .map(|_| scope.spawn(|| met.open_and_read()))
            .collect();
        threads.extend((0..PREADERS).map(|_| scope.spawn(|| met.pread_on_one())));
        let rounds = load_and_unload(context);
        met.stop.store(true, Ordering::Relaxed);
        for thread in threads {
            thread.join().map_err(|_| anyhow!("a reader panicked"))??;
        }
        rounds
    })?;
    let (greetings, gone) = (met.greetings.into_inner(), met.gone.into_inner());
    ensure!(
        greetings > 0 && gone > 0,
        "the readers met {greetings} greetings and {gone} times nothing: they raced with nobody"
    );
    Ok(())
}
