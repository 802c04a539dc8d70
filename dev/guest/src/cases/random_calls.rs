// SPDX-License-Identifier: GPL-2.0-only

//! Random calls on several descriptors, each compared with the model. The seed is in the log;
//! `guest.seed=` makes the same calls again.

mod data;

use std::cell::RefCell;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Instant;

use anyhow::Context as _;
use anyhow::ensure;
use nix::fcntl::FcntlArg;
use nix::fcntl::OFlag;
use nix::unistd::Whence;

use crate::cases::Case;
use crate::cases::Context;
use crate::check::same;
use crate::drive;
use crate::drive::LIMIT;
use crate::kmsg;
use crate::model::Model;
use crate::model::OpenFile;
use crate::module;
use crate::module::NAME;
use crate::random::Random;
use crate::sys::Edge;

pub const CASES: &[Case] =
    &[Case::loaded("random-calls-as-the-model-answers", random_calls).within(3600)];

/// The maximum number of open descriptors.
const DESCRIPTORS: usize = 8;

/// A descriptor, and the model of the open file that it shares with its duplicates.
struct Descriptor {
    fd: OwnedFd,
    file: Rc<RefCell<OpenFile>>,
}

struct Player {
    driver: PathBuf,
    random: Random,
    model: Model,
    open: Vec<Descriptor>,
    edge: Edge,
    pipe: (OwnedFd, OwnedFd),
}

/// A step: its weight among all steps, and what it does.
type Step = (usize, fn(&mut Player) -> anyhow::Result<()>);

const STEPS: &[Step] = &[
    (400, Player::open),
    (200, Player::close),
    (100, Player::duplicate),
    (1500, Player::read),
    (300, Player::read_vectors),
    (200, Player::read_faulting),
    (200, Player::splice),
    (1500, Player::write),
    (300, Player::write_vectors),
    (200, Player::write_faulting),
    (600, Player::seek),
    (100, Player::set_append),
    (50, Player::truncate),
    (400, Player::look),
    (1, Player::load_anew),
];

fn random_calls(context: &Context) -> anyhow::Result<()> {
    let mut player = Player {
        driver: context.driver.clone(),
        random: Random::of(context.seed),
        model: Model::new(),
        open: Vec::new(),
        edge: Edge::new()?,
        pipe: nix::unistd::pipe2(OFlag::O_CLOEXEC).context("making a pipe")?,
    };
    kmsg::say(&format!("guest: random calls of seed {}", context.seed));
    let total = STEPS.iter().map(|(weight, _)| weight).sum();
    let end = Instant::now() + context.random;
    let mut steps = 0u64;
    while Instant::now() < end {
        let mut chosen = player.random.below(total);
        let step = STEPS.iter().find(|(weight, _)| {
            let found = chosen < *weight;
            chosen = chosen.saturating_sub(*weight);
            found
        });
        if let Some((_, step)) = step {
            step(&mut player).with_context(|| format!("seed {}, step {steps}", context.seed))?;
        }
        steps += 1;
    }
    kmsg::say(&format!(
        "guest: {steps} random calls answered as the model"
    ));
    ensure!(steps > 1000, "only {steps} steps in {:?}", context.random);
    Ok(())
}

impl Player {
    /// Returns the index of a random open descriptor. Opens one if none is open.
    fn any(&mut self) -> anyhow::Result<usize> {
        if self.open.is_empty() {
            self.open()?;
        }
        Ok(self.random.below(self.open.len()))
    }

    /// Returns None for the position, or an offset: near a special one, or anywhere.
    fn place(&mut self) -> Option<i64> {
        (!self.random.one_in(2)).then(|| self.offset())
    }

    fn offset(&mut self) -> i64 {
        let near = [0, self.model.message().len(), LIMIT][self.random.below(3)] as i64;
        match self.random.below(16) {
            0 => self.random.any() as i64,
            1 => i64::MAX - self.random.below(LIMIT) as i64,
            2..=5 => self.random.below(LIMIT + 2) as i64,
            6..=9 => 0,
            _ => near + self.random.below(5) as i64 - 2,
        }
    }

    fn count(&mut self) -> usize {
        match self.random.below(8) {
            0 => 0,
            1 => self.random.below(2 * LIMIT),
            2 => LIMIT - self.model.message().len() + self.random.below(2),
            _ => 1 + self.random.below(40),
        }
    }

    fn data(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.random.any() as u8).collect()
    }

    fn open(&mut self) -> anyhow::Result<()> {
        if self.open.len() == DESCRIPTORS {
            return self.close();
        }
        let (mode, reads, writes) = [
            (OFlag::O_RDONLY, true, false),
            (OFlag::O_WRONLY, false, true),
            (OFlag::O_RDWR, true, true),
        ][self.random.below(3)];
        let appends = self.random.one_in(4);
        let mut flags = mode;
        flags.set(OFlag::O_APPEND, appends);
        flags.set(OFlag::O_TRUNC, self.random.one_in(2));
        let fd = drive::open_with(drive::FILE, flags).with_context(|| format!("open {flags:?}"))?;
        let file = Rc::new(RefCell::new(OpenFile::new(reads, writes, appends)));
        self.open.push(Descriptor { fd, file });
        Ok(())
    }

    fn close(&mut self) -> anyhow::Result<()> {
        if !self.open.is_empty() {
            self.open.swap_remove(self.random.below(self.open.len()));
        }
        Ok(())
    }

    fn duplicate(&mut self) -> anyhow::Result<()> {
        let from = self.any()?;
        if self.open.len() < DESCRIPTORS {
            let Descriptor { fd, file } = &self.open[from];
            let fd = fd.try_clone().context("duplicating")?;
            let file = file.clone();
            self.open.push(Descriptor { fd, file });
        }
        Ok(())
    }

    fn seek(&mut self) -> anyhow::Result<()> {
        let (number, offset) = (self.any()?, self.offset());
        let whence = match self.random.below(8) {
            0 => Whence::SeekEnd,
            1..=3 => Whence::SeekCur,
            _ => Whence::SeekSet,
        };
        let Descriptor { fd, file } = &self.open[number];
        let got = nix::unistd::lseek(fd, offset, whence);
        let wanted = file.borrow_mut().seek(offset, whence);
        same(&format!("lseek by {offset} as {whence:?}"), got, wanted)
    }

    fn set_append(&mut self) -> anyhow::Result<()> {
        let (number, appends) = (self.any()?, self.random.one_in(2));
        let Descriptor { fd, file } = &self.open[number];
        let mut flags = OFlag::empty();
        flags.set(OFlag::O_APPEND, appends);
        nix::fcntl::fcntl(fd, FcntlArg::F_SETFL(flags)).context("F_SETFL")?;
        file.borrow_mut().appends = appends;
        Ok(())
    }

    /// Calls ftruncate, which must change nothing, whatever it returns.
    fn truncate(&mut self) -> anyhow::Result<()> {
        let (number, length) = (self.any()?, self.random.below(LIMIT));
        let _ = nix::unistd::ftruncate(&self.open[number].fd, length as i64);
        Ok(())
    }

    /// Checks the message, and the position of each descriptor.
    fn look(&mut self) -> anyhow::Result<()> {
        drive::expect("all that", self.model.message())?;
        for Descriptor { fd, file } in &self.open {
            let got = nix::unistd::lseek(fd, 0, Whence::SeekCur);
            same("position", got, file.borrow_mut().seek(0, Whence::SeekCur))?;
        }
        Ok(())
    }

    fn load_anew(&mut self) -> anyhow::Result<()> {
        module::unload(NAME).context("unloading")?;
        module::load_file(&self.driver).context("loading again")?;
        self.model = Model::new();
        for descriptor in &self.open {
            descriptor.file.borrow_mut().alive = false;
        }
        Ok(())
    }
}
