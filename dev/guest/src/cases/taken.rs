// SPDX-License-Identifier: GPL-2.0-only

//! Loading while another module owns the directory.

use anyhow::Context as _;
use anyhow::ensure;
use nix::errno::Errno;

use crate::cases::Case;
use crate::cases::Context;
use crate::cases::log::one_line;
use crate::check::same;
use crate::drive;
use crate::image::Image;
use crate::kmsg::Cursor;
use crate::module;
use crate::module::NAME;

pub const CASES: &[Case] = &[Case::absent("load-directory-taken", load_directory_taken).warns()];

/// The name of a copy of the driver. It is as long as the driver's name, which it replaces in the
/// file.
const OTHER: &str = "procDrivez";

/// Unloads the copy, however the case ends.
struct Loaded(&'static str);

impl Drop for Loaded {
    fn drop(&mut self) {
        let _ = module::unload(self.0);
    }
}

/// A copy of the driver under another name owns the directory. The kernel itself warns when the
/// driver asks for it too.
fn load_directory_taken(context: &Context) -> anyhow::Result<()> {
    let copy = Image::read(&context.driver)?.renamed(NAME, OTHER)?;
    module::load_image(&copy).with_context(|| format!("loading the copy as {OTHER}"))?;
    let owner = Loaded(OTHER);
    drive::expect_present().context("with the copy loaded")?;
    let file = drive::open()?;

    let mut log = Cursor::at_end()?;
    for round in ["first", "second"] {
        match module::load_file(&context.driver) {
            // EBUSY is what the driver returns. EEXIST would mean that it is loaded already; newer
            // kernels turn an init's EEXIST into EBUSY.
            Err(Errno::EEXIST | Errno::EBUSY) => {}
            other => anyhow::bail!("{round} load with the directory taken: got {other:?}"),
        }
        one_line("a refused load", &log.new_lines_of(NAME)?)?;
        same("state of the refused module", module::state(NAME)?, None)?;
        drive::expect_present().context("the copy, after a refused load")?;
    }
    drive::expect_greeting("a descriptor of the copy", &file)?;
    drop(file);

    drop(owner);
    same("state of the copy", module::state(OTHER)?, None)?;
    drive::expect_absent().context("with the copy unloaded")?;
    module::load_file(&context.driver).context("loading, with the directory free again")?;
    drive::expect_present()?;
    let lines = log.new_lines_of(NAME)?;
    ensure!(
        lines.len() == 2,
        "unloading the copy and loading wrote {lines:?}, two were wanted"
    );
    Ok(())
}
