// SPDX-License-Identifier: GPL-2.0-only

//! The calls that carry data.

use std::io::IoSlice;
use std::io::IoSliceMut;

use anyhow::ensure;
use nix::errno::Errno;
use nix::fcntl::SpliceFFlags;

use super::Descriptor;
use super::Player;
use crate::check::answer;
use crate::check::bytes;
use crate::check::filled;
use crate::check::same;
use crate::drive::LIMIT;
use crate::model::OpenFile;

impl Player {
    pub(super) fn read(&mut self) -> anyhow::Result<()> {
        let (number, at, count) = (self.any()?, self.place(), self.count());
        let Descriptor { fd, file } = &self.open[number];
        let file = &mut file.borrow_mut();
        let mut buffer = vec![0; count];
        let got = match at {
            None => nix::unistd::read(fd, &mut buffer),
            Some(at) => nix::sys::uio::pread(fd, &mut buffer, at),
        };
        let wanted = self.model.read(file, at, count);
        move_on(file, at, &wanted);
        answer(&format!("read of {count} at {at:?}"), &buffer, got, wanted)
    }

    pub(super) fn read_vectors(&mut self) -> anyhow::Result<()> {
        let (number, at) = (self.any()?, self.place());
        let (first, second) = (self.count(), self.count());
        let Descriptor { fd, file } = &self.open[number];
        let file = &mut file.borrow_mut();
        let mut buffers = (vec![0; first], vec![0; second]);
        let mut slices = [
            IoSliceMut::new(&mut buffers.0),
            IoSliceMut::new(&mut buffers.1),
        ];
        let got = match at {
            None => nix::sys::uio::readv(fd, &mut slices),
            Some(at) => nix::sys::uio::preadv(fd, &mut slices, at),
        };
        let count = first + second;
        let wanted = self.model.read_vectors(file, at, count);
        move_on(file, at, &wanted);
        let all = [buffers.0, buffers.1].concat();
        let what = format!("readv of {first} and {second} at {at:?}");
        answer(&what, &all, got, wanted)
    }

    /// Reads into a buffer that ends early: gets as much as there is room for, or EFAULT.
    pub(super) fn read_faulting(&mut self) -> anyhow::Result<()> {
        let (number, at, count) = (self.any()?, self.place(), 1 + self.count());
        let room = self.random.below(count.min(LIMIT));
        let Descriptor { fd, file } = &self.open[number];
        let file = &mut file.borrow_mut();
        let got = self.edge.read(fd, room, count, at);
        let what = format!("read of {count} at {at:?} with room for {room}");
        match (got, self.model.read(file, at, count)) {
            (Ok(got), Ok(there)) if got > 0 || there.is_empty() => {
                ensure!(got <= room, "{what}: got {got}");
                let there = &there[..got.min(there.len())];
                bytes(&what, filled(self.edge.last(room), got)?, there)?;
                move_on(file, at, &Ok(vec![0; got]));
                Ok(())
            }
            (Err(Errno::EFAULT), Ok(there)) if there.len() > room => Ok(()),
            (got, wanted) => same(&what, got, wanted.map(|wanted| wanted.len())),
        }
    }

    /// Splices into a pipe, and empties the pipe again.
    pub(super) fn splice(&mut self) -> anyhow::Result<()> {
        let (number, at, count) = (self.any()?, self.place(), 1 + self.count());
        let Descriptor { fd, file } = &self.open[number];
        let file = &mut file.borrow_mut();
        let mut offset = at.unwrap_or(0);
        let none = SpliceFFlags::empty();
        let got = nix::fcntl::splice(fd, at.map(|_| &mut offset), &self.pipe.1, None, count, none);
        // splice checks the descriptor before the offset.
        let wanted = match file.reads {
            true => self.model.read(file, at, count),
            false => Err(Errno::EBADF),
        };
        move_on(file, at, &wanted);
        let what = format!("splice of {count} at {at:?}");
        let mut buffer = vec![0; got.unwrap_or(0)];
        if !buffer.is_empty() {
            same(&what, nix::unistd::read(&self.pipe.0, &mut buffer), got)?;
        }
        answer(&what, &buffer, got, wanted)
    }

    pub(super) fn write(&mut self) -> anyhow::Result<()> {
        let (number, at, count) = (self.any()?, self.place(), self.count());
        let data = self.data(count);
        let Descriptor { fd, file } = &self.open[number];
        let got = match at {
            None => nix::unistd::write(fd, &data),
            Some(at) => nix::sys::uio::pwrite(fd, &data, at),
        };
        let wanted = self.model.write(&mut file.borrow_mut(), at, &data, count);
        same(&format!("write of {count} at {at:?}"), got, wanted)
    }

    pub(super) fn write_vectors(&mut self) -> anyhow::Result<()> {
        let number = self.any()?;
        let (first, second) = (self.count(), self.count());
        let parts = [self.data(first), self.data(second)];
        let Descriptor { fd, file } = &self.open[number];
        let file = &mut file.borrow_mut();
        let got = nix::sys::uio::writev(fd, &parts.each_ref().map(|part| IoSlice::new(part)));
        let wanted = self.model.write_vectors(file, &parts);
        same(&format!("writev of {first} and {second}"), got, wanted)
    }

    pub(super) fn write_faulting(&mut self) -> anyhow::Result<()> {
        let (number, at, count) = (self.any()?, self.place(), 1 + self.count());
        let room = self.random.below(count.min(LIMIT));
        let data = self.data(count);
        self.edge.fill_last(&data[..room]);
        let Descriptor { fd, file } = &self.open[number];
        let got = self.edge.write(fd, room, count, at);
        let wanted = self.model.write(&mut file.borrow_mut(), at, &data, room);
        same(
            &format!("write of {count} at {at:?}, {room} there"),
            got,
            wanted,
        )
    }
}

/// Moves the position after a read, unless the read had an offset.
fn move_on(file: &mut OpenFile, at: Option<i64>, got: &nix::Result<Vec<u8>>) {
    if let (None, Ok(got)) = (at, got) {
        file.advance(got.len());
    }
}
