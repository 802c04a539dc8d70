// SPDX-License-Identifier: GPL-2.0-only

//! Files in `/proc`.
//!
//! A type says what its file does by implementing [`Operations`]; [`Dir::create`] and
//! [`Dir::file`] put it into `/proc`. The handles that they return remove the entry when they are
//! dropped, and a file keeps its directory.
//!
//! Not supported: entries that are only read or only written, `mmap`, `ioctl`, `poll` (the kernel
//! answers that an entry without one is always ready), symbolic links, network namespaces.
//!
//! C header: `include/linux/proc_fs.h`.

#![expect(unsafe_code)]

mod bytes;
mod entry;
mod newest;
mod open_file;
mod operations;
mod parts;
mod reader;
mod slot;
mod writer;

pub(crate) use bytes::concat;
pub(crate) use entry::{Dir, File};
pub(crate) use open_file::OpenFile;
pub(crate) use operations::{Offset, Operations};
pub(crate) use reader::Reader;
pub(crate) use writer::Writer;
