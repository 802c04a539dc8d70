// SPDX-License-Identifier: GPL-2.0-only

//! dkms's settings: `/etc/dkms/framework.conf` and the files in `framework.conf.d`.

use std::fs;
use std::path::{Path, PathBuf};

const FILE: &str = "etc/dkms/framework.conf";
const MORE: &str = "etc/dkms/framework.conf.d";

/// Returns the value of a setting of the system below `root`; the last assignment wins. dkms runs
/// the files as shell scripts; values that only a shell can expand are ignored.
pub fn setting(root: &Path, name: &str) -> Option<String> {
    let more = fs::read_dir(root.join(MORE))
        .into_iter()
        .flatten()
        .flatten();
    let mut more: Vec<PathBuf> = more.map(|entry| entry.path()).collect();
    more.retain(|path| path.extension().is_some_and(|end| end == "conf"));
    more.sort();
    let files = [root.join(FILE)].into_iter().chain(more);
    let texts = files.filter_map(|file| fs::read_to_string(file).ok());
    let last = |text: String| {
        text.lines()
            .filter_map(|line| value(line, name))
            .next_back()
    };
    texts.filter_map(last).next_back()
}

/// Returns the value that a line of shell assigns to a variable.
pub fn value(line: &str, name: &str) -> Option<String> {
    let line = line.trim_start();
    let line = line.strip_prefix("export ").unwrap_or(line);
    let text = word(line.trim_start().strip_prefix(name)?.strip_prefix('=')?)?;
    (!text.contains(['$', '`'])).then(|| text.trim_end().to_owned())
}

/// Returns the word that follows the `=` of an assignment, without its quotes.
pub fn word(value: &str) -> Option<&str> {
    match value.chars().next() {
        Some(quote @ ('"' | '\'')) => value[1..].split(quote).next(),
        _ => value.split([' ', '\t', ';', '#']).next(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_file_that_sets_it_counts() {
        let root = tempfile::tempdir().unwrap();
        let tree = || setting(root.path(), "dkms_tree");
        assert_eq!(tree(), None);
        let folder = root.path().join(MORE);
        fs::create_dir_all(&folder).unwrap();
        fs::write(root.path().join(FILE), "dkms_tree=/srv/a\n").unwrap();
        assert_eq!(tree().unwrap(), "/srv/a");
        let text = "# dkms_tree=/srv/c\nexport dkms_tree=\"/srv/b\" # moved\n";
        fs::write(folder.join("x.conf"), text).unwrap();
        fs::write(folder.join("y.conf~"), "dkms_tree=/srv/d\n").unwrap();
        assert_eq!(tree().unwrap(), "/srv/b");
    }

    #[test]
    fn what_only_a_shell_could_tell_is_not_guessed() {
        assert_eq!(value("dkms_tree=$HOME/x", "dkms_tree"), None);
        assert_eq!(value("dkms_tree_old=/x", "dkms_tree"), None);
        assert_eq!(
            value("  dkms_tree='/a b'; x=1", "dkms_tree").unwrap(),
            "/a b"
        );
        assert_eq!(value("AUTOINSTALL=", "AUTOINSTALL").unwrap(), "");
    }
}
