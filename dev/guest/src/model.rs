// SPDX-License-Identifier: GPL-2.0-only

//! A simple model of the file: the answers that its message and its open files should give.

use std::rc::Rc;

use nix::errno::Errno;
use nix::unistd::Whence;

use crate::drive::GREETING;
use crate::drive::LIMIT;

/// The file, with its message.
pub struct Model {
    message: Rc<[u8]>,
}

/// One open file, which several descriptors may share.
pub struct OpenFile {
    /// Whether it was opened for reading.
    pub reads: bool,
    /// Whether it was opened for writing.
    pub writes: bool,
    /// Whether it has O_APPEND.
    pub appends: bool,
    /// Whether the module that it was opened from is still loaded.
    pub alive: bool,
    position: i64,
    begun: Option<Rc<[u8]>>,
}

impl OpenFile {
    /// Creates a freshly opened file.
    pub fn new(reads: bool, writes: bool, appends: bool) -> Self {
        Self {
            reads,
            writes,
            appends,
            alive: true,
            position: 0,
            begun: None,
        }
    }

    /// Makes the checks that all reads and writes have in common, and returns the start offset.
    fn check(&self, allowed: bool, at: Option<i64>, count: usize) -> nix::Result<i64> {
        if at.is_some_and(|at| at < 0) {
            return Err(Errno::EINVAL);
        }
        if !allowed {
            return Err(Errno::EBADF);
        }
        let start = at.unwrap_or(self.position);
        if start.checked_add(count as i64).is_none() {
            return Err(Errno::EINVAL);
        }
        if !self.alive {
            return Err(Errno::EIO);
        }
        Ok(start)
    }

    /// Does an lseek.
    pub fn seek(&mut self, offset: i64, whence: Whence) -> nix::Result<i64> {
        if !self.alive {
            return Err(Errno::EINVAL);
        }
        let there = match whence {
            Whence::SeekSet => Some(offset),
            Whence::SeekCur => self.position.checked_add(offset),
            _ => None,
        };
        self.position = there.filter(|there| *there >= 0).ok_or(Errno::EINVAL)?;
        Ok(self.position)
    }

    /// Moves the position after a read at the position.
    pub fn advance(&mut self, count: usize) {
        self.position += count as i64;
    }
}

impl Model {
    /// Creates the file as it is after a load.
    pub fn new() -> Self {
        Self {
            message: GREETING.into(),
        }
    }

    /// Returns the current message.
    pub fn message(&self) -> &[u8] {
        &self.message
    }

    /// Returns what a read of up to `count` bytes gets, at an offset or at the position. Does not
    /// move the position.
    pub fn read(&self, file: &mut OpenFile, at: Option<i64>, count: usize) -> nix::Result<Vec<u8>> {
        let start = file.check(file.reads, at, count)?;
        if start == 0 || file.begun.is_none() {
            file.begun = Some(self.message.clone());
        }
        let begun = file.begun.iter().flat_map(|begun| begun.iter().copied());
        let start = usize::try_from(start).unwrap_or(usize::MAX);
        Ok(begun.skip(start).take(count).collect())
    }

    /// Does a write. Only the first `readable` bytes of `data` can be read; after them comes a
    /// fault.
    pub fn write(
        &mut self,
        file: &mut OpenFile,
        at: Option<i64>,
        data: &[u8],
        readable: usize,
    ) -> nix::Result<usize> {
        let start = file.check(file.writes, at, data.len())?;
        if data.is_empty() {
            return Ok(0);
        }
        if data.len() > LIMIT {
            return Err(Errno::EFBIG);
        }
        if readable < data.len() {
            return Err(Errno::EFAULT);
        }
        let length = self.message.len();
        let kept = if file.appends {
            length
        } else {
            usize::try_from(start).map_or(usize::MAX, |start| start)
        };
        if kept > length {
            return Err(Errno::EINVAL);
        }
        if kept + data.len() > LIMIT {
            return Err(Errno::EFBIG);
        }
        self.message = [&self.message[..kept], data].concat().into();
        if at.is_none() {
            file.position = self.message.len() as i64;
        }
        Ok(data.len())
    }

    /// Does the same read into a list of buffers. If they have no room at all, the kernel answers
    /// without asking the driver.
    pub fn read_vectors(
        &self,
        file: &mut OpenFile,
        at: Option<i64>,
        count: usize,
    ) -> nix::Result<Vec<u8>> {
        match (count, at) {
            (0, Some(at)) if at < 0 => Err(Errno::EINVAL),
            (0, _) if !file.reads => Err(Errno::EBADF),
            (0, _) => Ok(Vec::new()),
            _ => self.read(file, at, count),
        }
    }

    /// Writes each buffer at the position, in a call of its own. The first refusal ends the write;
    /// its error is returned only if nothing was written before.
    pub fn write_vectors(&mut self, file: &mut OpenFile, parts: &[Vec<u8>]) -> nix::Result<usize> {
        let total = parts.iter().map(Vec::len).sum();
        if total > 0 || !file.writes {
            file.check(file.writes, None, total)?;
        }
        let mut done = 0;
        for part in parts {
            if done == total {
                break;
            }
            match self.write(file, None, part, part.len()) {
                Ok(count) => done += count,
                Err(error) if done == 0 => return Err(error),
                Err(_) => break,
            }
        }
        Ok(done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_file_goes_on_with_what_it_began() {
        let mut model = Model::new();
        let (mut reader, mut writer) = (
            OpenFile::new(true, false, false),
            OpenFile::new(false, true, false),
        );
        assert_eq!(model.read(&mut reader, None, 2), Ok(b"He".to_vec()));
        reader.advance(2);
        assert_eq!(model.write(&mut writer, None, b"new\n", 4), Ok(4));
        assert_eq!(model.read(&mut reader, None, 9), Ok(b"llo\n".to_vec()));
        assert_eq!(model.read(&mut reader, Some(0), 9), Ok(b"new\n".to_vec()));
        assert_eq!(
            model.write(&mut writer, Some(5), b"x", 1),
            Err(Errno::EINVAL)
        );
        assert_eq!(model.write(&mut writer, None, b"xy", 1), Err(Errno::EFAULT));
        assert_eq!(model.write(&mut writer, None, b"xy", 2), Ok(2));
        assert_eq!(model.message(), b"new\nxy");
    }
}
