// SPDX-License-Identifier: GPL-2.0-only

//! Memory that blocks whoever accesses it, the kernel too: a page that is missing until we provide
//! it. A case can hold a read or a write in the middle of its copy with it, for as long as needed.
//!
//! See userfaultfd(2) and `linux/userfaultfd.h`; neither libc nor nix has their definitions.

use std::os::fd::AsFd as _;
use std::os::fd::AsRawFd as _;
use std::os::fd::FromRawFd as _;
use std::os::fd::OwnedFd;
use std::os::fd::RawFd;
use std::ptr::NonNull;
use std::time::Duration;

use anyhow::Context as _;
use anyhow::ensure;
use nix::errno::Errno;
use nix::poll::PollFd;
use nix::poll::PollFlags;
use nix::poll::PollTimeout;
use nix::sys::mman::MapFlags;
use nix::sys::mman::ProtFlags;

use crate::check::skip;
use crate::sys::page_size;

const API: u64 = 0xaa;
const MODE_MISSING: u64 = 1;

/// `_IOWR(0xaa, 0x3f, struct uffdio_api)`: version, features, ioctls.
const UFFDIO_API: libc::Ioctl = 0xc018_aa3fu32 as libc::Ioctl;
/// `_IOWR(0xaa, 0x00, struct uffdio_register)`: start, length, mode, ioctls.
const UFFDIO_REGISTER: libc::Ioctl = 0xc020_aa00u32 as libc::Ioctl;
/// `_IOWR(0xaa, 0x04, struct uffdio_zeropage)`: start, length, mode, bytes done.
const UFFDIO_ZEROPAGE: libc::Ioctl = 0xc020_aa04u32 as libc::Ioctl;

/// A page that is missing until `release` is called.
pub struct MissingPage {
    fault: OwnedFd,
    start: NonNull<libc::c_void>,
    length: usize,
}

// SAFETY: the mapping belongs to the process, not to a thread; only the kernel writes to it.
unsafe impl Sync for MissingPage {}

impl MissingPage {
    /// Maps a missing page. Skips the case if the kernel has no userfaultfd for us.
    pub fn new() -> anyhow::Result<Self> {
        let flags = libc::O_CLOEXEC | libc::O_NONBLOCK;
        // SAFETY: the call takes a number and touches no memory.
        let fault = match Errno::result(unsafe { libc::syscall(libc::SYS_userfaultfd, flags) }) {
            // SAFETY: the kernel just made this descriptor for us.
            Ok(fd) => unsafe { OwnedFd::from_raw_fd(fd as RawFd) },
            Err(error @ (Errno::ENOSYS | Errno::EPERM)) => {
                return skip(format!("no userfaultfd on this kernel: {error}"));
            }
            Err(error) => return Err(error).context("userfaultfd"),
        };
        let length = page_size();
        let both = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        let one = length.try_into().context("the size of a page is 0")?;
        // SAFETY: a fresh mapping at an address that the kernel chooses.
        let start =
            unsafe { nix::sys::mman::mmap_anonymous(None, one, both, MapFlags::MAP_PRIVATE) }
                .context("mapping a page")?;
        let page = Self {
            fault,
            start,
            length,
        };
        page.control("UFFDIO_API", UFFDIO_API, &mut [API, 0, 0])?;
        let mut request = [page.address(), length as u64, MODE_MISSING, 0];
        page.control("UFFDIO_REGISTER", UFFDIO_REGISTER, &mut request)?;
        Ok(page)
    }

    fn address(&self) -> u64 {
        self.start.as_ptr() as u64
    }

    fn control(&self, name: &str, request: libc::Ioctl, words: &mut [u64]) -> anyhow::Result<()> {
        // SAFETY: each request takes a structure of as many words as its caller passes, and these
        // are ours to write; what the request names by address is our page, which nothing in Rust
        // refers to.
        let done = unsafe { libc::ioctl(self.fault.as_raw_fd(), request, words.as_mut_ptr()) };
        Errno::result(done)
            .map(drop)
            .with_context(|| name.to_owned())
    }

    /// Calls read(2) to the start of the page; it blocks in its copy until `release`.
    pub fn read(&self, fd: &OwnedFd, count: usize) -> nix::Result<usize> {
        let (fd, to) = (fd.as_raw_fd(), self.start.as_ptr());
        // SAFETY: the kernel writes to our page, which nothing in Rust refers to.
        let got = unsafe { libc::read(fd, to, count.min(self.length)) };
        Errno::result(got).map(|got| got as usize)
    }

    /// Calls write(2) from the start of the page; it blocks in its copy until `release`.
    pub fn write(&self, fd: &OwnedFd, count: usize) -> nix::Result<usize> {
        let (fd, from) = (fd.as_raw_fd(), self.start.as_ptr());
        // SAFETY: the kernel reads our page, which nothing in Rust refers to.
        let got = unsafe { libc::write(fd, from, count.min(self.length)) };
        Errno::result(got).map(|got| got as usize)
    }

    /// Waits until somebody is blocked by the page.
    pub fn wait_for_somebody(&self, patience: Duration) -> anyhow::Result<()> {
        let mut fds = [PollFd::new(self.fault.as_fd(), PollFlags::POLLIN)];
        let patience = PollTimeout::try_from(patience).context("waiting so long")?;
        let ready = nix::poll::poll(&mut fds, patience).context("waiting for a fault")?;
        ensure!(ready == 1, "nobody touched the missing page");
        Ok(())
    }

    /// Provides the page, filled with zeroes, and lets the blocked call go on.
    pub fn release(&self) -> anyhow::Result<()> {
        let mut request = [self.address(), self.length as u64, 0, 0];
        self.control("UFFDIO_ZEROPAGE", UFFDIO_ZEROPAGE, &mut request)
    }

    /// Returns the content of the page; only for when nobody writes to it any more.
    pub fn content(&mut self) -> &[u8] {
        // SAFETY: the page is mapped as long as `self` lives, and `self` is borrowed mutably, so
        // that no `read` is under way.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr().cast(), self.length) }
    }
}

impl Drop for MissingPage {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours alone, and nothing borrows from it any more.
        let _ = unsafe { nix::sys::mman::munmap(self.start, self.length) };
    }
}
