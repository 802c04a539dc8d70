// SPDX-License-Identifier: GPL-2.0-only

//! Refuses a kernel's build tree that others than root can change.

use crate::kernel::refusal::Refusal;
use crate::kernel::release::Release;
use crate::system::System;
use crate::system::names_in;
use crate::system::trusted::{trusted_below, trusted_or_missing, trusted_path};
use std::path::Path;

/// Refuses a build tree that users other than root can change: root would run programs and build
/// code that they put there. Before this check, only the tree's Makefile is read.
///
/// # Errors
///
/// The refusal.
pub fn check(
    system: &System,
    release: &Release,
    build: &Path,
    common: &Path,
) -> Result<(), Refusal> {
    let Err(error) = check_tree(build).and_then(|()| check_tree(common)) else {
        return Ok(());
    };
    let why = format!(
        "users other than root can change its build tree ({error}), so root does not use it"
    );
    let (from, to) = (
        system.shown(build),
        format!("/usr/src/linux-headers-{release}"),
    );
    let rest = build == common || check_tree(common).is_ok();
    let mend = if rest && !system.at(&to[1..]).exists() {
        format!(
            "cp -rT --preserve=timestamps {from} {to} && ln -sfn {to} /lib/modules/{release}/build"
        )
    } else {
        format!(
            "install its headers as a package (make bindeb-pkg makes one), or build the module as \
             the user who owns {from}"
        )
    };
    Err(Refusal::new(release, why, mend))
}

/// The directories of a tree that a build uses.
const USED: [&str; 5] = ["arch", "include", "rust", "scripts", "tools"];

/// Checks the ownership of a tree: of the entries at its top, and of everything that make and the
/// compilers read in it.
fn check_tree(tree: &Path) -> anyhow::Result<()> {
    trusted_path(tree)?;
    for name in names_in(tree) {
        trusted_or_missing(&tree.join(name))?;
    }
    for part in USED {
        let folder = tree.join(part);
        if folder.is_dir() {
            trusted_below(&folder)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::headers::{Kernel, tests::make_installed};
    use crate::system::trusted::is_root;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn root_uses_no_tree_that_others_can_change() {
        let root = tempfile::tempdir().unwrap();
        let build = make_installed(root.path(), "7.3.4-amd64", "");
        assert!(check_tree(&build).is_ok());
        let set = |path: &Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        };
        let modpost = build.join("scripts/mod/modpost");
        set(&modpost, 0o777);
        assert!(check_tree(&build).is_err());
        if is_root() {
            let release = "7.3.4-amd64".parse().unwrap();
            let refusal = Kernel::find(&System::below(root.path()), &release).unwrap_err();
            assert!(
                refusal
                    .reason
                    .contains("users other than root can change its build tree"),
                "{refusal}"
            );
        }
        set(&modpost, 0o755);
        set(&build, 0o777);
        assert!(check_tree(&build).is_err());
    }
}
