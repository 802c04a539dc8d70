// SPDX-License-Identifier: GPL-2.0-only

//! Loading and unloading many times, and the memory that is left in use.

use anyhow::Context as _;
use anyhow::bail;

use crate::cases::Case;
use crate::cases::Context;
use crate::drive;
use crate::kmsg;
use crate::module;
use crate::module::NAME;
use crate::slab::Usage;

pub const CASES: &[Case] =
    &[Case::absent("load-and-unload-rounds", load_and_unload_rounds).within(300)];

/// Rounds before the comparison. What the first rounds allocate and keep in caches is not a leak.
const WARM_UP: u32 = 10;

/// How many times to look before what is still in use counts as a leak.
const LOOKS: usize = 5;

fn round(context: &Context, number: u32) -> anyhow::Result<()> {
    let what = || format!("round {number}");
    module::load_file(&context.driver)
        .context("loading")
        .with_context(what)?;
    drive::expect_present().with_context(what)?;
    // Sometimes stays open over the unload, which must not leak either.
    let open = if number % 4 == 0 {
        Some(drive::open()?)
    } else {
        None
    };
    module::unload(NAME)
        .context("unloading")
        .with_context(what)?;
    drive::expect_absent().with_context(what)?;
    drop(open);
    Ok(())
}

/// Compares what the kernel has allocated before and after: objects in each slab cache, and vmalloc
/// space, where modules are loaded.
fn load_and_unload_rounds(context: &Context) -> anyhow::Result<()> {
    (0..WARM_UP).try_for_each(|number| round(context, number))?;
    let before = Usage::settled()?;
    (0..context.rounds).try_for_each(|number| round(context, number))?;
    let mut leaks = Vec::new();
    for _ in 0..LOOKS {
        let now = Usage::settled()?;
        leaks = now.leaks_since(&before, context.rounds);
        if leaks.is_empty() {
            let most = now.most_grown_since(&before);
            kmsg::say(&format!(
                "guest: after {} rounds, most grown: {most}",
                context.rounds
            ));
            return Ok(());
        }
    }
    bail!("after {} rounds {}", context.rounds, leaks.join(", "));
}
