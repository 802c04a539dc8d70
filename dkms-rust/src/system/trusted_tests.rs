// SPDX-License-Identifier: GPL-2.0-only

use super::*;
use std::os::unix::fs::{PermissionsExt, symlink};

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn what_others_can_write_and_links_are_not_trusted() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "x").unwrap();
    set_mode(&file, 0o644);
    assert!(trusted(&file).is_ok());

    set_mode(&file, 0o666);
    let why = trusted(&file).unwrap_err().to_string();
    assert!(why.contains("written by others"), "{why}");

    let link = dir.path().join("link");
    symlink(&file, &link).unwrap();
    let why = trusted(&link).unwrap_err().to_string();
    assert!(why.contains("is a link"), "{why}");
    assert!(trusted(&dir.path().join("none")).is_err());
}

#[test]
fn a_path_is_trusted_only_if_every_directory_above_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let above = dir.path().join("a");
    fs::create_dir_all(above.join("b")).unwrap();
    let file = above.join("b/file");
    fs::write(&file, "x").unwrap();
    set_mode(&file, 0o644);
    let link = dir.path().join("link");
    symlink(&file, &link).unwrap();
    let real = fs::canonicalize(&file).unwrap();
    assert_eq!(trusted_path(&link).unwrap(), real);

    set_mode(&above, 0o777);
    let why = trusted_path(&link).unwrap_err().to_string();
    assert!(why.contains("/a can be written by others"), "{why}");
    // As in /tmp, nobody can replace this `b` by another.
    set_mode(&above, 0o1777);
    assert!(trusted_path(&link).is_ok());

    // The place of a link matters as much as its target.
    let open = dir.path().join("open");
    fs::create_dir(&open).unwrap();
    symlink(&file, open.join("link")).unwrap();
    assert!(trusted_path(&open.join("link")).is_ok());
    set_mode(&open, 0o777);
    let why = trusted_path(&open.join("link")).unwrap_err().to_string();
    assert!(why.contains("/open can be written by others"), "{why}");
    symlink("open/link", dir.path().join("second")).unwrap();
    assert!(trusted_path(&dir.path().join("second")).is_err());

    // A link to nothing: only the owner of the target's directory can create the target.
    fs::remove_file(&file).unwrap();
    assert!(trusted_path(&link).is_err());
    assert!(trusted_or_missing(&link).is_ok());
    set_mode(&above.join("b"), 0o1777);
    assert!(trusted_or_missing(&link).is_err());
}

#[test]
fn links_that_never_end_are_not_trusted() {
    let dir = tempfile::tempdir().unwrap();
    symlink("b", dir.path().join("a")).unwrap();
    symlink("a", dir.path().join("b")).unwrap();
    let why = trusted_path(&dir.path().join("a")).unwrap_err().to_string();
    assert!(why.contains("too many links"), "{why}");
}

#[test]
fn what_belongs_to_a_user_is_not_root_s() {
    if !is_root() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    fs::create_dir(&home).unwrap();
    fs::write(home.join("gcc"), "").unwrap();
    let give = |path: &Path| std::os::unix::fs::lchown(path, Some(1000), None).unwrap();
    give(&home);
    let why = trusted_path(&home.join("gcc")).unwrap_err().to_string();
    assert!(why.contains("/home belongs to user 1000"), "{why}");
    // Nor is a link that a user made where everybody can write, such as in /tmp.
    set_mode(dir.path(), 0o1777);
    let link = dir.path().join("link");
    symlink("/bin/sh", &link).unwrap();
    assert!(trusted_path(&link).is_ok());
    give(&link);
    assert!(trusted_path(&link).is_err());
}

#[test]
fn a_list_of_other_users_who_may_write_counts() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    set_mode(&file, 0o664);
    if !is_root() || trusted(&file).is_err() {
        return;
    }
    // Version 2; user::rw-, user:1000:rw-, group::r--, mask::rw-, other::r--.
    let entries: [(u16, u16, u32); 5] = [
        (0x01, 6, u32::MAX),
        (0x02, 6, 1000),
        (0x04, 4, u32::MAX),
        (0x10, 6, u32::MAX),
        (0x20, 4, u32::MAX),
    ];
    let mut acl = 2u32.to_le_bytes().to_vec();
    for (tag, may, id) in entries {
        acl.extend([tag.to_le_bytes(), may.to_le_bytes()].concat());
        acl.extend(id.to_le_bytes());
    }
    let flags = rustix::fs::XattrFlags::empty();
    if rustix::fs::lsetxattr(&file, ACL, &acl, flags).is_ok() {
        assert!(trusted(&file).is_err());
    }
}

#[test]
fn only_in_a_user_namespace_without_the_systems_root_does_nobody_own_the_system() {
    let all = "         0          0 4294967295\n";
    let user_s = "         0       1000          1\n         1     100000      65536\n";
    assert_eq!(owner_by(user_s, UNMAPPED), UNMAPPED);
    for (map, owner) in [(all, UNMAPPED), (user_s, 0), ("", UNMAPPED), (user_s, 1000)] {
        assert_eq!(owner_by(map, owner), 0, "{map} {owner}");
    }
}
