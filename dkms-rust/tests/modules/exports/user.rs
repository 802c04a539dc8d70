// SPDX-License-Identifier: GPL-2.0-only

//! Uses a Rust function that another module exports.

use kernel::prelude::*;

module! {
    type: User,
    name: "exports_user",
    description: "Uses what another module exports from Rust",
    license: "GPL",
}

struct User;

impl kernel::Module for User {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        pr_info!("6 * 7 = {}\n", provider::times(6, 7));
        Ok(User)
    }
}
