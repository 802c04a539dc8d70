// SPDX-License-Identifier: GPL-2.0-only

//! Repositories of prebuilt modules, made by the packaged `dkms-rust pack`.

use std::path::Path;

use anyhow::Result;

use crate::debian::signing::Keys;
use crate::host::files;
use crate::life::cases::case::Start;
use crate::package::repo;

use super::stock::{STEPS, Stock};

/// Their names, with the version and the kernels that each has.
const REPOSITORIES: [(&str, &str, &[&str]); 3] = [
    ("packed-old", "$V", &["$OLD"]),
    ("packed-new", "$V", &["$NEW"]),
    ("packed-next", "$NEXT", &["$OLD", "$NEW"]),
];

/// Where they are made, in a root with the keys.
const PLACE: &str = "/srv/packed";

/// Adds them to the stock. They are made in the directory `place`.
pub fn add(stock: &mut Stock<'_>, place: &Path, keys: Keys) -> Result<()> {
    files::make_dir(place)?;
    stock.keys = Some(keys);
    let mut chroot = stock.open(Start::Old)?;
    chroot.bind(place, PLACE)?;
    let log = stock.project.log("life-stock")?;
    let line = format!(
        ". {STEPS}; offer procdriver new && warm $OLD $NEW && upgrade && install procdriver-dkms"
    );
    chroot.sh(&line).log(&log).run()?;
    for (name, version, kernels) in REPOSITORIES {
        for kernel in kernels {
            let line = format!(
                ". {STEPS}; [ -e /usr/src/procdriver-{version} ] || {{ offer next && upgrade; }} && \
                 packed {version} {kernel} {PLACE}/{name}"
            );
            chroot.sh(&line).log(&log).run()?;
        }
        let dir = place.join(name);
        repo::index(&dir, Path::new("/"))?;
        stock.offers.push((name, dir));
    }
    Ok(())
}
