// SPDX-License-Identifier: GPL-2.0-only

//! Uses a function of a module that was built earlier, in another directory.

use kernel::prelude::*;

module! {
    type: User,
    name: "apart_user",
    description: "Uses what a module of another directory exports",
    license: "GPL",
}

struct User;

impl kernel::Module for User {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        pr_info!("21 doubled is {}\n", double::doubled(21));
        Ok(User)
    }
}
