// SPDX-License-Identifier: GPL-2.0-only

//! What the driver writes to the kernel log.

use anyhow::Context as _;
use anyhow::ensure;
use nix::fcntl::OFlag;

use crate::cases::Case;
use crate::cases::Context;
use crate::drive;
use crate::kmsg::Cursor;
use crate::module;
use crate::module::NAME;
use crate::sys::Edge;

pub const CASES: &[Case] = &[Case::absent("log-lines", log_lines)];

fn log_lines(context: &Context) -> anyhow::Result<()> {
    // The first load is not checked: the kernel itself then logs that the module is out-of-tree or
    // unsigned.
    module::load_file(&context.driver).context("loading for the first time")?;
    module::unload(NAME).context("unloading for the first time")?;

    let mut log = Cursor::at_end()?;
    module::load_file(&context.driver).context("loading")?;
    one_line("loading", &log.new_lines_of(NAME)?)?;

    what_any_user_can_do()?;
    let lines = log.new_lines_of(NAME)?;
    ensure!(
        lines.is_empty(),
        "reading and writing wrote to the log: {lines:?}"
    );

    module::unload(NAME).context("unloading")?;
    one_line("unloading", &log.new_lines_of(NAME)?)
}

/// Checks that there is one line, and that it is complete: a `%p` in it is a conversion that this
/// kernel's printk does not know.
pub fn one_line(what: &str, lines: &[String]) -> anyhow::Result<()> {
    ensure!(
        lines.len() == 1,
        "{what} wrote {} lines, one was wanted: {lines:?}",
        lines.len()
    );
    let text = lines[0]
        .strip_prefix(NAME)
        .and_then(|rest| rest.strip_prefix(':'));
    ensure!(
        text.is_some_and(|text| !text.trim().is_empty() && !text.contains("%p")),
        "{what} wrote a line that says nothing: {lines:?}"
    );
    Ok(())
}

/// Reads and writes, with and without errors; other cases check the results.
fn what_any_user_can_do() -> anyhow::Result<()> {
    let file = drive::open()?;
    for _ in 0..1000 {
        drive::expect_present()?;
        let _ = nix::sys::uio::pread(&file, &mut [0; 8], -1);
        let _ = nix::sys::uio::pread(&file, &mut [0; 8], i64::MAX);
        let _ = nix::unistd::lseek(&file, 0, nix::unistd::Whence::SeekEnd);
        let _ = Edge::new()?.read(&file, 0, 8, Some(0));
        let _ = crate::sys::ioctl(std::os::fd::AsFd::as_fd(&file), 0x4ead_beef);
        let written = drive::open_with(drive::FILE, OFlag::O_WRONLY);
        let _ = written.and_then(|file| nix::unistd::write(&file, b"Hello\n"));
        let _ = drive::open_with(drive::FILE, OFlag::O_WRONLY)
            .and_then(|file| nix::sys::uio::pwrite(&file, b"text", 4096));
    }
    Ok(())
}
