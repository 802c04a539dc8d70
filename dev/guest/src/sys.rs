// SPDX-License-Identifier: GPL-2.0-only

//! Wrappers for system calls that nix does not have, and for memory that they use. All unsafe code
//! of the ordinary cases is here.

use std::os::fd::AsFd;
use std::os::fd::AsRawFd as _;
use std::os::fd::BorrowedFd;
use std::os::fd::FromRawFd as _;
use std::os::fd::OwnedFd;
use std::os::fd::RawFd;
use std::ptr::NonNull;

use anyhow::Context as _;
use nix::errno::Errno;
use nix::sys::mman::MapFlags;
use nix::sys::mman::ProtFlags;

/// Returns the kernel's release, as `uname -r` prints it.
pub fn kernel_release() -> anyhow::Result<String> {
    const PATH: &str = "/proc/sys/kernel/osrelease";
    let text = std::fs::read_to_string(PATH).with_context(|| format!("reading {PATH}"))?;
    Ok(text.trim().to_owned())
}

/// Returns the kernel's taint flags, one bit each.
pub fn taint() -> anyhow::Result<u64> {
    const PATH: &str = "/proc/sys/kernel/tainted";
    let text = std::fs::read_to_string(PATH).with_context(|| format!("reading {PATH}"))?;
    text.trim()
        .parse()
        .with_context(|| format!("{PATH} says {text:?}, a number was wanted"))
}

/// Makes descriptor 0, 1 or 2 a copy of another one that stays open over exec.
pub fn replace_standard_descriptor(with: &OwnedFd, number: RawFd) -> nix::Result<()> {
    assert!((0..=2).contains(&number));
    // SAFETY: dup2 touches no memory; nobody owns the three standard descriptors.
    Errno::result(unsafe { libc::dup2(with.as_raw_fd(), number) }).map(drop)
}

/// Returns a descriptor that becomes readable when the process ends.
pub fn pidfd(process: nix::unistd::Pid) -> nix::Result<OwnedFd> {
    // SAFETY: the call takes two numbers and touches no memory.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, process.as_raw(), 0) };
    let fd = Errno::result(fd)? as RawFd;
    // SAFETY: the kernel just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Calls preadv2(2) with a list of buffers.
pub fn preadv2(
    fd: impl AsFd,
    buffers: &mut [std::io::IoSliceMut<'_>],
    offset: i64,
    flags: i32,
) -> nix::Result<usize> {
    // SAFETY: IoSliceMut has the layout of iovec, and each one names memory that is ours to write.
    let got = unsafe {
        libc::preadv2(
            fd.as_fd().as_raw_fd(),
            buffers.as_mut_ptr().cast(),
            buffers.len().try_into().map_err(|_| Errno::EINVAL)?,
            offset,
            flags,
        )
    };
    Errno::result(got).map(|got| got as usize)
}

/// A page of memory, followed by a page that nobody may access.
pub struct Edge {
    start: NonNull<libc::c_void>,
    page: usize,
}

impl Edge {
    /// The byte that the first page is filled with.
    pub const FILL: u8 = 0xa5;

    /// Maps both pages.
    pub fn new() -> nix::Result<Self> {
        let page = page_size();
        let length = (2 * page).try_into().map_err(|_| Errno::EINVAL)?;
        let both = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        let flags = MapFlags::MAP_PRIVATE;
        // SAFETY: a fresh mapping at an address that the kernel chooses.
        let start = unsafe { nix::sys::mman::mmap_anonymous(None, length, both, flags)? };
        let edge = Self { start, page };
        // SAFETY: the second page is ours, and no reference into it is ever made.
        unsafe {
            let second = edge.start.byte_add(page);
            nix::sys::mman::mprotect(second, page, ProtFlags::PROT_NONE)?;
        }
        // SAFETY: the first page is ours, mapped and writable.
        unsafe {
            edge.start
                .cast::<u8>()
                .as_ptr()
                .write_bytes(Self::FILL, page)
        };
        Ok(edge)
    }

    /// Returns the last `room` bytes of the first page.
    pub fn last(&self, room: usize) -> &[u8] {
        assert!(room <= self.page);
        // SAFETY: the page is mapped and initialised as long as `self` lives; the kernel writes to
        // it only in `read`, which takes `self` mutably.
        unsafe {
            std::slice::from_raw_parts(self.start.cast::<u8>().as_ptr().add(self.page - room), room)
        }
    }

    /// Reads up to `count` bytes to an address with `room` bytes left in the first page; what goes
    /// beyond hits the forbidden page. Calls pread if an offset is given.
    pub fn read(
        &mut self,
        fd: impl AsFd,
        room: usize,
        count: usize,
        offset: Option<i64>,
    ) -> nix::Result<usize> {
        assert!(room <= self.page);
        let fd = fd.as_fd().as_raw_fd();
        // SAFETY: `room` is at most the size of a page, so this stays inside the mapping.
        let to = unsafe { self.start.byte_add(self.page - room) }.as_ptr();
        // SAFETY: the kernel writes to our page, and faults at the next one, which ends the call.
        let got = unsafe {
            match offset {
                None => libc::read(fd, to, count),
                Some(offset) => libc::pread(fd, to, count, offset),
            }
        };
        Errno::result(got).map(|got| got as usize)
    }
}

impl Edge {
    /// Copies `bytes` to the end of the first page, just before the forbidden one.
    pub fn fill_last(&mut self, bytes: &[u8]) {
        assert!(bytes.len() <= self.page);
        // SAFETY: the last bytes of the first page, which is ours and borrowed mutably.
        unsafe {
            let to = self.start.cast::<u8>().add(self.page - bytes.len());
            to.as_ptr()
                .copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
        }
    }

    /// Writes `count` bytes from an address with `room` bytes left in the first page; what lies
    /// beyond is forbidden. Calls pwrite if an offset is given.
    pub fn write(
        &self,
        fd: impl AsFd,
        room: usize,
        count: usize,
        offset: Option<i64>,
    ) -> nix::Result<usize> {
        assert!(room <= self.page);
        let fd = fd.as_fd().as_raw_fd();
        // SAFETY: `room` is at most the size of a page, so this stays inside the mapping.
        let from = unsafe { self.start.byte_add(self.page - room) }.as_ptr();
        // SAFETY: the kernel reads our page, and faults at the next one, which ends the call.
        let got = unsafe {
            match offset {
                None => libc::write(fd, from, count),
                Some(offset) => libc::pwrite(fd, from, count, offset),
            }
        };
        Errno::result(got).map(|got| got as usize)
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours alone, and nothing borrows from it any more.
        let _ = unsafe { nix::sys::mman::munmap(self.start, 2 * self.page) };
    }
}

/// Returns the size of a page.
pub fn page_size() -> usize {
    // SAFETY: the call only returns a number.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size).unwrap_or(4096)
}

/// Tries to map the file's first page for reading.
pub fn map(fd: BorrowedFd<'_>) -> nix::Result<()> {
    let length = page_size().try_into().map_err(|_| Errno::EINVAL)?;
    let (read, shared) = (ProtFlags::PROT_READ, MapFlags::MAP_SHARED);
    // SAFETY: a fresh mapping at an address that the kernel chooses; nobody accesses it.
    unsafe {
        let start = nix::sys::mman::mmap(None, length, read, shared, fd, 0)?;
        nix::sys::mman::munmap(start, length.get())
    }
}

/// Calls ioctl(2) with a request that makes the kernel read or write a number.
pub fn ioctl_number(fd: impl AsFd, request: libc::Ioctl, number: &mut i32) -> nix::Result<()> {
    let fd = fd.as_fd().as_raw_fd();
    // SAFETY: the callers' requests take a pointer to an `int`, and this one is ours.
    Errno::result(unsafe { libc::ioctl(fd, request, std::ptr::from_mut(number)) }).map(drop)
}

/// Calls ioctl(2) with a request that takes a pointer to at most 64 bytes.
pub fn ioctl(fd: BorrowedFd<'_>, request: libc::Ioctl) -> nix::Result<i32> {
    let mut argument = [0u64; 8];
    // SAFETY: the argument is 64 bytes of ours; the callers' requests use no more.
    Errno::result(unsafe { libc::ioctl(fd.as_raw_fd(), request, argument.as_mut_ptr()) })
}

/// Calls lseek(2) with a whence that does not exist.
pub fn lseek_unknown(fd: BorrowedFd<'_>) -> nix::Result<i64> {
    // SAFETY: the call takes numbers and touches no memory.
    Errno::result(unsafe { libc::lseek(fd.as_raw_fd(), 0, 99) })
}
