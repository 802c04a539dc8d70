// SPDX-License-Identifier: GPL-2.0-only

//! Has more symbols than fit on a command line.

use kernel::prelude::*;

module! {
    type: Large,
    name: "large",
    description: "Has many symbols",
    license: "GPL",
}

/// Nests modules, four in each, with a static in each of the innermost.
macro_rules! statics {
    ($value:expr;) => {
        /// One of many.
        pub static LEAF: u8 = ($value % 256) as u8;
    };
    ($value:expr; $_one:tt $($more:tt)*) => {
        /// The first of four.
        pub mod a { statics!($value * 4; $($more)*); }
        /// The second of four.
        pub mod b { statics!($value * 4 + 1; $($more)*); }
        /// The third of four.
        pub mod c { statics!($value * 4 + 2; $($more)*); }
        /// The fourth of four.
        pub mod d { statics!($value * 4 + 3; $($more)*); }
    };
}

/// Contains 4 to the power of 7 statics.
pub mod many {
    statics!(0u32; * * * * * * *);
}

struct Large;

impl kernel::Module for Large {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let count = 1 << (2 * 7);
        pr_info!("{} statics, the last is {}\n", count, many::d::d::d::d::d::d::d::LEAF);
        Ok(Large)
    }
}
