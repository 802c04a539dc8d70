// SPDX-License-Identifier: GPL-2.0-only

//! Checks what confined compilers leave in a build tree, before root works there unconfined: a link
//! could lead that work to any file, and a FIFO could stop it.

use crate::system::below::below;
use anyhow::{Context, Result, bail};
use rustix::fs::{FileType, Stat};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The links in a tree, with their targets.
#[derive(Debug)]
pub struct Links(BTreeMap<PathBuf, PathBuf>);

impl Links {
    /// Finds them.
    ///
    /// # Errors
    ///
    /// If the tree can't be read, or contains something else than files, directories and links.
    pub fn of(tree: &Path) -> Result<Self> {
        let mut found = BTreeMap::new();
        below(tree, &mut |path, stat: &Stat| {
            match FileType::from_raw_mode(stat.st_mode) {
                FileType::RegularFile | FileType::Directory => {}
                FileType::Symlink => {
                    let target =
                        fs::read_link(&path).with_context(|| path.display().to_string())?;
                    found.insert(path, target);
                }
                _ => bail!("{} is not a file", path.display()),
            }
            Ok(true)
        })?;
        Ok(Self(found))
    }

    /// Refuses links that were added since.
    ///
    /// # Errors
    ///
    /// If there is one, or as [`Links::of`].
    pub fn check(&self, tree: &Path) -> Result<()> {
        let now = Self::of(tree)?.0;
        let mut added = now
            .iter()
            .filter(|(path, target)| self.0.get(*path) != Some(*target));
        match added.next() {
            Some((path, target)) => bail!(
                "during the rebuild, {} became a link to {}; the kernel's source may have been changed",
                path.display(),
                target.display()
            ),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    #[test]
    fn a_link_that_is_added_or_changed_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let tree = dir.path();
        fs::create_dir(tree.join("rust")).unwrap();
        symlink("/usr/src/x", tree.join("Makefile")).unwrap();
        let before = Links::of(tree).unwrap();
        fs::write(tree.join("rust/libcore.rmeta"), "").unwrap();
        before.check(tree).unwrap();

        symlink("/etc/shadow", tree.join("rust/formatters")).unwrap();
        let error = before.check(tree).unwrap_err().to_string();
        assert!(
            error.contains("rust/formatters became a link to /etc/shadow"),
            "{error}"
        );
        fs::remove_file(tree.join("rust/formatters")).unwrap();

        fs::remove_file(tree.join("Makefile")).unwrap();
        before.check(tree).unwrap();
        symlink("/etc/shadow", tree.join("Makefile")).unwrap();
        assert!(before.check(tree).is_err());
    }

    #[test]
    fn what_is_neither_file_nor_directory_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let before = Links::of(dir.path()).unwrap();
        let _listener = UnixListener::bind(dir.path().join("socket")).unwrap();
        let error = before.check(dir.path()).unwrap_err().to_string();
        assert!(error.ends_with("socket is not a file"), "{error}");
    }
}
