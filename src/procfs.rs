// SPDX-License-Identifier: GPL-2.0-only

//! Files in `/proc`.
//!
//! A type implements [`Operations`] to say what its file does. [`Dir::create`] and [`Dir::file`]
//! put the file into `/proc`. They return handles that remove the entry when they are dropped. A
//! file keeps its directory.
//!
//! Not supported: entries that can only be read or only be written, `mmap`, `ioctl`, `poll` (the
//! kernel reports an entry without `poll` as always ready), symbolic links, network namespaces.
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
